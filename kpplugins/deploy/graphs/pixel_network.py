"""A trained network with its normalisation, whose outputs have names."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from kpplugins.structures import BadInputError

XY, XY_AND_SIGMAS = 2, 4
"""Possible numbers of values per keypoint in the output of heads that regress coordinates."""


class PixelNetwork(nn.Module):
    """A model from its input's pixels to what its codec decodes, from one pass.

    Where the first layer is a convolution, a copy of it takes over the order of the channels and the division by the
    deviation (its zeros at the edges stay zeros), so that only the mean is left to be subtracted.

    Args:
        model: an MMPose ``TopdownPoseEstimator`` or ``BottomupPoseEstimator``, or a single-stage detector of
            MMDetection, on the CPU; it is not changed.
        size: (w, h) of the input.

    Attributes:
        names: of the outputs.

    Shapes: (N, h, w, 3) float32, BGR, 0 to 255, to the tensors of ``named_outputs``.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: Any, size: tuple[int, int]) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).eval().to(memory_format=torch.contiguous_format)
        before = model.data_preprocessor
        self.swap = bool(getattr(before, "_channel_conversion", False))
        mean, std = torch.zeros(3), torch.ones(3)
        if getattr(before, "_enable_normalize", False):  # in the order that the network sees
            mean, std = (torch.zeros(3) + values.flatten() for values in (before.mean, before.std))
        if self.swap:
            mean, std = mean.flip(0), std.flip(0)
        first, self.names = self._explored(size)
        self.folded = first is not None
        if first is not None:
            weight = first.weight.data
            first.weight.data = (weight.flip(1) if self.swap else weight) / std.reshape(1, 3, 1, 1)
        self.register_buffer("mean", mean.repeat(size[0]), persistent=False)
        self.register_buffer("std", std.repeat(size[0]), persistent=False)

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Compute the outputs, in the order of their names."""
        n, h, w = crops.shape[0], crops.shape[1], crops.shape[2]
        rows = crops.reshape(n, h, w * 3) - self.mean
        if not self.folded:
            rows = rows / self.std
        pixels = rows.reshape(n, h, w, 3).permute(0, 3, 1, 2)
        if self.swap and not self.folded:
            pixels = pixels.flip(1)
        return tuple(named_outputs(self.model(pixels, None, mode="tensor")).values())

    @torch.inference_mode()
    def _explored(self, size: tuple[int, int]) -> tuple[nn.Conv2d | None, list[str]]:
        """Return the convolution that alone takes the pixels, if there is one, and the names of the outputs."""
        pixels, takers = torch.zeros(1, 3, size[1], size[0]), []

        def see(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            if inputs and inputs[0] is pixels and not list(module.children()):
                takers.append(module)

        hooks = [module.register_forward_pre_hook(see) for module in self.model.modules()]
        names = list(named_outputs(self.model(pixels, None, mode="tensor")))
        for hook in hooks:
            hook.remove()
        first = takers[0] if len(takers) == 1 and type(takers[0]) is nn.Conv2d else None
        plain = first is not None and first.groups == 1 and first.padding_mode == "zeros"
        return (first if plain else None), names


def named_outputs(raw: Any) -> dict[str, Tensor]:
    """Name a head's outputs as its codec takes them.

    Args:
        raw: what the head gives; of several stacks the last counts.

    Returns:
        ``heatmaps`` (N, K, H, W); or ``simcc_x`` and ``simcc_y`` (N, K, bins); or ``coordinates`` (N, K, 2), with RLE
        (N, K, 4): x, y and their σ between 0 and 1. Maps that the head names itself keep their names; the maps of a
        detector's levels are numbered: ``scores_0`` (N, C, H, W), …, ``distances_0`` (N, 4, H, W), ….

    Raises:
        BadInputError: they are something else.
    """
    if isinstance(raw, list):  # one for each stack; the last is the best
        return named_outputs(raw[-1])
    if isinstance(raw, Mapping):
        return dict(raw)
    if isinstance(raw, tuple) and len(raw) == 2 and all(isinstance(part, tuple) for part in raw):
        levels = zip(("scores", "distances"), raw, strict=True)
        return {f"{name}_{i}": level for name, of_all in levels for i, level in enumerate(of_all)}
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
