"""The crop of GetBBoxCenterScale and TopdownAffine."""

import torch
from torch import Tensor, nn

from kpplugins.deploy.graphs.bilinear import sampled, taps

_STEPS, _FINE = 32, 1024
"""``cv2.warpAffine`` samples at 32nds of a pixel, which it rounds from whole 1024ths."""


class AffineCrop(nn.Module):
    """Cuts crops around boxes as MMPose's test pipeline does: bilinear, black outside the image.

    Args:
        size: (w, h) of the crops.
        padding: growth of the boxes.
        span: how many crop pixels the grown box measures on each axis: w and h, or one less with UDP.
    """

    def __init__(self, size: tuple[int, int], padding: float, span: tuple[int, int]) -> None:
        super().__init__()
        self.size, self.padding = size, padding
        self.register_buffer("span", torch.tensor(span, dtype=torch.float32), persistent=False)

    def forward(self, image: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Cut the crops.

        Args:
            image: (H, W, 3) uint8.
            boxes: (N, 4) xyxy in pixels.

        Returns:
            Crops (N, h, w, 3) float32, whole numbers 0 to 255; and origin (N, 2) and scale (N, 2) of the way back:
            a fraction f of the crop is at ``f · scale + origin`` of the image.
        """
        w, h = self.size
        centre = (boxes[:, :2] + boxes[:, 2:]) * 0.5
        extent = (boxes[:, 2:] - boxes[:, :2]) * self.padding
        wide, high = extent[:, :1], extent[:, 1:]
        scale = torch.cat([torch.maximum(wide, high * (w / h)), torch.maximum(high, wide * (h / w))], dim=1)
        origin = centre - scale * 0.5
        step = scale / self.span
        across, down = torch.arange(w, device=step.device)[None], torch.arange(h, device=step.device)[None]
        # cv2.warpAffine adds two rounded numbers on x, and rounds the sum on y
        columns = torch.round(origin[:, :1] * _FINE) + torch.round(across * step[:, :1] * _FINE)
        rows = torch.round((origin[:, 1:] + down * step[:, 1:]) * _FINE)
        xs, ys = (torch.floor((fine + _FINE / _STEPS / 2) * (_STEPS / _FINE)) / _STEPS for fine in (columns, rows))
        height, width = image.shape[0], image.shape[1]
        crops = sampled(image, taps(xs, 0, width, False), taps(ys, 0, height, False))
        return crops, origin, scale
