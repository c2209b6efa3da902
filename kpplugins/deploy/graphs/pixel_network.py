"""A trained top-down network with its normalisation, whose outputs have names."""

from typing import Any

import torch
from torch import Tensor, nn

from kpplugins.structures import BadInputError

XY, XY_AND_SIGMAS = 2, 4
"""Possible numbers of values per keypoint in the output of heads that regress coordinates."""


class PixelNetwork(nn.Module):
    """A top-down model from crops to what its codec decodes, from one pass.

    Args:
        model: an MMPose ``TopdownPoseEstimator``.

    Shapes: (N, 3, h, w) float32, BGR, 0 to 255, to the tensors of ``named_outputs``.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        before = model.data_preprocessor
        self.swap = bool(getattr(before, "_channel_conversion", False))
        self.normalise = bool(getattr(before, "_enable_normalize", False))

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Compute the outputs, in the order of their names."""
        if self.swap:
            crops = crops.flip(1)
        if self.normalise:
            crops = (crops - self.model.data_preprocessor.mean) / self.model.data_preprocessor.std
        return tuple(named_outputs(self.model(crops, None, mode="tensor")).values())

    @torch.inference_mode()
    def output_names(self, size: tuple[int, int]) -> list[str]:
        """Return the names of the outputs for crops of (w, h)."""
        return list(named_outputs(self.model(torch.zeros(1, 3, size[1], size[0]), None, mode="tensor")))


def named_outputs(raw: Any) -> dict[str, Tensor]:
    """Name a head's outputs as its codec takes them.

    Args:
        raw: what the head gives; of several stacks the last counts.

    Returns:
        ``heatmaps`` (N, K, H, W); or ``simcc_x`` and ``simcc_y`` (N, K, bins); or ``coordinates`` (N, K, 2), with RLE
        (N, K, 4): x, y and their σ between 0 and 1.

    Raises:
        BadInputError: they are something else.
    """
    if isinstance(raw, list):  # one for each stack; the last is the best
        return named_outputs(raw[-1])
    parts = raw if isinstance(raw, tuple) else (raw,)
    kinds = [part.ndim if isinstance(part, Tensor) else 0 for part in parts]
    if kinds == [4]:
        return {"heatmaps": parts[0]}
    if kinds == [3, 3]:
        return {"simcc_x": parts[0], "simcc_y": parts[1]}
    if kinds == [3, 4]:  # integral regression also returns the maps that it summed over
        return named_outputs(parts[0])
    if kinds == [3] and parts[0].shape[-1] == XY:
        return {"coordinates": parts[0]}
    if kinds == [3] and parts[0].shape[-1] == XY_AND_SIGMAS:
        points, sigmas = parts[0].split(XY, dim=-1)
        return {"coordinates": torch.cat([points, sigmas.sigmoid()], dim=-1)}
    raise BadInputError(
        "unknown outputs",
        where="model.head",
        expected="heatmaps, two SimCC tensors, or coordinates",
        found=", ".join(str(tuple(p.shape)) if isinstance(p, Tensor) else type(p).__name__ for p in parts),
    )
