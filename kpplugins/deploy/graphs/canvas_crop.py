"""The crop of CropAroundKeypoints."""

import torch
from torch import Tensor, nn

from kpplugins.deploy.graphs.bilinear import resampled, taps

_SLACK = 1e-3
"""Added before rounding to pixels, as ``CropAroundKeypoints`` does."""


class CanvasCrop(nn.Module):
    """Resizes the image to a small canvas and cuts crops around boxes out of it, as ``CropAroundKeypoints`` does.

    Args:
        size: (w, h) of the crops.
        canvas: (w, h) of the canvas.
        keep_aspect: the image keeps its proportions, with black bars.
        span: w and h, or one less with UDP.
    """

    span: Tensor

    def __init__(
        self, size: tuple[int, int], canvas: tuple[int, int], keep_aspect: bool, span: tuple[int, int]
    ) -> None:
        super().__init__()
        self.size, self.canvas, self.keep_aspect = size, canvas, keep_aspect
        self.register_buffer("span", torch.tensor(span, dtype=torch.float32), persistent=False)

    def forward(self, image: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Cut the crops.

        Args:
            image: (H, W, 3) uint8.
            boxes: (N, 4) xyxy in pixels.

        Returns:
            See ``AffineCrop``.
        """
        canvas, whole = self._limits(image)
        shown, bar = self._placed(canvas, whole)
        drawn = self._drawn(image, shown, bar)
        ratio = shown / whole
        low = torch.floor((boxes[:, :2] + 0.5) * ratio + bar + _SLACK)
        high = torch.floor((boxes[:, 2:] + 0.5) * ratio + bar + _SLACK) + 1
        low = torch.minimum(torch.clamp(low, min=0), canvas - 1)
        high = torch.minimum(torch.maximum(high, low + 1), canvas)
        size = torch.tensor(self.size, dtype=torch.float32, device=boxes.device)
        axes = []
        for i, n in enumerate(self.size):
            first, beyond = low[:, i : i + 1], high[:, i : i + 1]
            places = torch.arange(n, dtype=torch.float32, device=boxes.device)[None]
            positions = (places + 0.5) * ((beyond - first) / n) - 0.5 + first
            axes.append(taps(positions, first, beyond, True))
        zoom = ratio * size / (high - low)
        origin = (low - bar) / ratio + 0.5 / zoom - 0.5
        return resampled(drawn, axes[0], axes[1]), origin, self.span / zoom

    def _limits(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return (w, h) of the canvas and of the image, (2,) float32 each."""
        canvas = torch.tensor(self.canvas, dtype=torch.float32, device=image.device)
        sides = [torch.full((1,), 1.0, device=image.device) * n for n in (image.shape[1], image.shape[0])]
        return canvas, torch.cat(sides)

    def _placed(self, canvas: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
        """Return (w, h) of the image on the canvas, and where it begins there."""
        if not self.keep_aspect:
            return canvas, torch.zeros_like(canvas)
        # exact where a side fills the canvas, and half-way between whole numbers elsewhere, as float64 would be
        ratio = torch.amin(canvas / whole)
        shown = torch.clamp(torch.floor(whole * ratio + 1e-4), min=1)
        return shown, torch.floor((canvas - shown) / 2)

    def _drawn(self, image: Tensor, shown: Tensor, bar: Tensor) -> Tensor:
        """Return the canvas (h, w, 3) float32."""
        axes, inside = [], []
        for i, n in enumerate(self.canvas):
            places = torch.arange(n, dtype=torch.float32, device=image.device)[None] - bar[i]
            there = image.shape[1 - i]
            positions = (places + 0.5) * (there / shown[i]) - 0.5
            axes.append(taps(positions, 0, there, True))
            inside.append(((places >= 0) & (places < shown[i])).to(torch.float32))
        drawn = resampled(image, axes[0], axes[1])[0]
        return drawn * (inside[1][0][:, None] * inside[0][0][None, :])[..., None]
