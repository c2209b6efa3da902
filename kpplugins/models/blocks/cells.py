"""The outputs of a small convolutional branch at a few cells of a map only."""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def neighbourhoods(features: Tensor, image: Tensor, cells: Tensor) -> Tensor:
    """Collect the 3×3 features around cells; outside the map they are 0, as in a padded convolution.

    Args:
        features: (N, C, H, W).
        image: (…) index of the image of each cell.
        cells: (…) flat indices, row · W + column.

    Returns:
        (…, 9, C), row by row.
    """
    width = features.shape[-1]
    flat = F.pad(features, (1, 1, 1, 1)).permute(0, 2, 3, 1).flatten(1, 2)
    steps = torch.arange(3, device=cells.device)
    steps = (steps[:, None] * (width + 2) + steps).flatten()
    corner = cells // width * (width + 2) + cells % width
    return flat[image[..., None], corner[..., None] + steps]


def branch_at(branch: nn.Sequential, around: Tensor) -> Tensor:
    """Compute a branch where ``around`` was collected; equal to its map there, up to rounding.

    A loss that looks at one cell per object needs a few of a map's thousands of cells. With several such branches,
    their maps cost more than the rest of a small network. Computed in float32, even under autocast: bfloat16 has steps
    of 1/8 between 16 and 32 cells.

    Args:
        branch: a 3×3 convolution with padding 1, ReLU, and a 1×1 convolution, both with bias.
        around: (…, 9, C) of ``neighbourhoods``.

    Returns:
        (…, D), the outputs.
    """
    first, relu, last = (cast(Any, layer) for layer in branch)
    weight = first.weight.permute(0, 2, 3, 1).flatten(1)
    with torch.autocast(around.device.type, enabled=False):
        hidden = relu(F.linear(around.flatten(-2).to(weight.dtype), weight, first.bias))
        return F.linear(hidden, last.weight.flatten(1), last.bias)
