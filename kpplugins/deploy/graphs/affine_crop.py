"""The crop of GetBBoxCenterScale and TopdownAffine."""

import torch
from torch import Tensor, nn

from kpplugins.deploy.graphs.bilinear import sampled, taps

_STEPS, _FINE = 32, 1024
"""``cv2.warpAffine`` samples at 32nds of a pixel, which it rounds from whole 1024ths."""


class AffineCrop(nn.Module):
    """Cuts crops around boxes as MMPose's test pipeline does: bilinear, black outside the image.

    The roundings are those of MMPose and OpenCV, down to where float32 and float64 are used: in a crop that differs in
    one line by a 32nd of a pixel, a network that is not sure may find a keypoint elsewhere.

    Args:
        size: (w, h) of the crops.
        padding: growth of the boxes.
        span: how many crop pixels the grown box measures on each axis: w and h, or one less with UDP.
    """

    span: Tensor

    def __init__(self, size: tuple[int, int], padding: float, span: tuple[int, int]) -> None:
        super().__init__()
        self.size, self.padding, self.udp = size, padding, tuple(span) != tuple(size)
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
        scale = torch.cat([torch.maximum(wide, high * (w / h)), torch.maximum(high, wide / (w / h))], dim=1)
        first, step = self._udp(centre, scale) if self.udp else self._plain(centre, scale)
        across, down = torch.arange(w, device=step.device)[None], torch.arange(h, device=step.device)[None]
        # cv2.warpAffine adds two rounded numbers on x, and rounds the sum on y
        columns = torch.round(first[:, :1] * _FINE) + torch.round(across * step[:, :1] * _FINE)
        rows = torch.round((first[:, 1:] + down * step[:, 1:]) * _FINE)
        half = _FINE / _STEPS / 2
        xs, ys = (
            (torch.floor((n + half) * (_STEPS / _FINE)) / _STEPS).to(torch.float32) for n in (columns, rows)
        )
        height, width = image.shape[0], image.shape[1]
        crops = sampled(image, taps(xs, 0, width, False), taps(ys, 0, height, False))
        return crops, centre - scale * 0.5, scale

    def _plain(self, centre: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """Return the first position and the step, (N, 2) float64, with the roundings of ``get_warp_matrix``."""
        w, h = self.size
        left = centre[:, :1] - scale[:, :1] * 0.5
        reach = centre[:, :1] - left
        below = centre[:, 1:] + reach
        middle = centre.to(torch.float64)
        across = (middle[:, :1] - left.to(torch.float64)) / (w / 2)
        down = (below.to(torch.float64) - middle[:, 1:]) / (w / 2)
        return torch.cat([left.to(torch.float64), middle[:, 1:] - down * (h / 2)], dim=1), torch.cat(
            [across, down], 1
        )

    def _udp(self, centre: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same with the roundings of ``get_udp_warp_matrix``, whose numbers are float32."""
        zoom = self.span / scale
        shift = zoom * (scale * 0.5 - centre)
        step = 1 / zoom.to(torch.float64)
        return -step * shift.to(torch.float64), step
