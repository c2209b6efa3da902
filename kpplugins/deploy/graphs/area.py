"""Averaging over areas, as ``cv2.resize`` with ``INTER_AREA`` does it. Pure functions."""

import torch
from torch import Tensor

from kpplugins.deploy.graphs.bilinear import sides

_LEAST = 1e-3
"""A pixel of which less is covered is left out, as in OpenCV."""


def shrunk_by_area(image: Tensor, size: tuple[Tensor, Tensor]) -> Tensor:
    """Average an image over areas.

    Args:
        image: (H, W, C) of whole numbers 0 to 255, of any type.
        size: w and h of the result, int64, at most W and H; an image of that size stays as it is.

    Returns:
        (h, w, C) float32, whole numbers.
    """
    lengths = sides(image)
    (x, across), (y, down) = (_taps(n, m) for n, m in zip(lengths, size, strict=True))
    area = (lengths[0].double() / size[0]) * (lengths[1].double() / size[1])
    # as OpenCV does where all areas are of whole pixels: sums first, then one product, which decides about halves
    whole = (lengths[0] % size[0] == 0) & (lengths[1] % size[1] == 0)
    across, down = (torch.where(whole, share, share / share.sum(dim=0)).float() for share in (across, down))
    columns = _summed(image, y, down).transpose(0, 1)
    found = _summed(columns, x, across).transpose(0, 1) * torch.where(whole, 1 / area, 1.0).float()
    # halves are rounded up where both sides are halved, and else to even numbers
    halved = (lengths[0] == 2 * size[0]) & (lengths[1] == 2 * size[1])
    return (found + halved * 0.01).round()


def _summed(image: Tensor, place: Tensor, share: Tensor) -> Tensor:
    """Sum up rows: (H, W, C) by places and shares (taps, h) to (h, W, C)."""
    rows = image.flatten(1)[place.T].float()
    return (share.T[:, None] @ rows)[:, 0].unflatten(1, (-1, image.shape[2]))


def _taps(length: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Return the pixels under each of the areas, and how much of each is, (taps, count)."""
    ratio = length.double() / count
    taps = (ratio.ceil() + (ratio - ratio.floor()).ceil()).long()
    low = _counted(count) * ratio
    high = torch.minimum(low + ratio, length.double())
    place = low.floor() + _counted(taps)[:, None]
    share = torch.minimum(high, place + 1) - torch.maximum(low, place)
    return torch.minimum(place.long(), length - 1), torch.where(share > _LEAST, share, 0.0)


def _counted(count: Tensor) -> Tensor:
    """Return 0, 1, … below a number that is itself computed."""
    numbers: Tensor = torch.arange(count)  # type: ignore[call-overload]  # exporters follow it only as a tensor
    return numbers
