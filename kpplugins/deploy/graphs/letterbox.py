"""The input of ImageAffine."""

import torch
from torch import Tensor, nn

from kpplugins.deploy.graphs.area import shrunk_by_area
from kpplugins.deploy.graphs.bilinear import sampled, sides, taps

_ALMOST = 1e-6
"""Added before rounding down to how many whole pixels are averaged, as ``ImageAffine`` does."""
_STEPS, _FINE = 32, 1024
"""``cv2.warpAffine`` samples at 32nds of a pixel, which it rounds from whole 1024ths."""


class Letterbox(nn.Module):
    """Fits an image into the input of a network as ``ImageAffine`` does: proportions kept, without aliasing.

    Args:
        size: (w, h) of the input.
        fill: grey level of the bars.
    """

    def __init__(self, size: tuple[int, int], fill: float = 0.0) -> None:
        super().__init__()
        self.size, self.fill = (int(size[0]), int(size[1])), round(fill)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fit the image.

        Args:
            image: (H, W, 3) uint8.

        Returns:
            The input (h, w, 3) float32, whole numbers 0 to 255; and of the way back the step, of no dimension, and the
            origin (2,), float32: the input's (x, y) is at ``(x, y) · step + origin`` of the image.
        """
        lengths = sides(image)
        zoom = torch.minimum(*(n / length.double() for n, length in zip(self.size, lengths, strict=True)))
        averaged = (1 / zoom + _ALMOST).floor().clamp(min=1)
        small = tuple((length / averaged).round().clamp(min=1).long() for length in lengths)
        zooms, shifts, origins = [], [], []
        for n, length, less in zip(self.size, lengths, small, strict=True):
            ratio = length.double() / less  # x = (x' + 0.5) · ratio - 0.5
            middle = (length - 1).double() / 2
            zooms.append(zoom * ratio)
            shifts.append((n - 1) / 2 - zoom * middle + zoom * (ratio - 1) / 2)
            origins.append(middle - (n - 1) / 2 / zoom)
        over = 1 / (zooms[0] * zooms[1])  # the inverse, as OpenCV computes it
        back = (zooms[1] * over, zooms[0] * over)
        axes = [
            taps(_positions(b, -b * shift, n), 0, less, False)
            for b, shift, n, less in zip(back, shifts, self.size, small, strict=True)
        ]
        pixels = shrunk_by_area(image, (small[0], small[1])) - self.fill  # so that outside is black
        pixels = sampled(pixels, axes[0], axes[1], small[0])[0] + self.fill
        return pixels, (1 / zoom).float(), torch.stack(origins).float()


def _positions(step: Tensor, origin: Tensor, n: int) -> Tensor:
    """Return where n samples lie, (1, n) in pixels, rounded as OpenCV rounds them."""
    fine = (torch.arange(n).double()[None] * step * _FINE).round() + (origin * _FINE).round()
    return ((fine + _FINE // _STEPS // 2) * (_STEPS / _FINE)).floor().float() / _STEPS
