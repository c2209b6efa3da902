"""``GenerateTarget`` for Gaussian heatmaps, of all keypoints at once."""

from typing import Any

import numpy as np
from mmpose.codecs import MSRAHeatmap, UDPHeatmap
from mmpose.datasets.transforms import GenerateTarget


class QuickTarget:
    """MMPose's ``GenerateTarget`` with a codec that draws a Gaussian for each keypoint of an instance.

    MMPose draws one keypoint after the other, each in a dozen calls of NumPy. Here all Gaussians are computed together,
    with the same operations, and only where they are not cut off.

    Args:
        step: that is replaced.
    """

    def __init__(self, step: GenerateTarget) -> None:
        self.step, self.codec = step, step.encoder
        self.subpixel = isinstance(self.codec, UDPHeatmap)
        self.tables = {
            name: getattr(self.codec, name)
            for name in ("field_mapping_table", "instance_mapping_table", "label_mapping_table")
            if getattr(self.codec, name)
        }

    @staticmethod
    def can(step: GenerateTarget) -> bool:
        """Tell whether the codec of a step draws such heatmaps."""
        codec = step.encoder
        udp = type(codec) is UDPHeatmap and codec.heatmap_type == "gaussian"
        msra = type(codec) is MSRAHeatmap and not codec.unbiased
        return (udp or msra) and np.ndim(codec.sigma) == 0 and not step.use_dataset_keypoint_weights

    def __call__(self, sample: dict) -> dict:
        """Add the targets."""
        points: Any = sample.get("transformed_keypoints")
        points = sample.get("keypoints") if points is None else points
        visible = sample["keypoints_visible"]
        if points is None or points.shape[0] != 1 or points.shape[2:] != (2,) or visible.ndim != 2:
            return self.step.transform(sample)
        heatmaps, shown = gaussian_heatmaps(
            points[0] / self.codec.scale_factor, visible[0], self.codec.heatmap_size, self.codec.sigma, self.subpixel
        )  # fmt: skip
        weights = visible.copy()
        weights[0, ~shown & (visible[0] >= 0.5)] = 0
        sample.update(heatmaps=heatmaps, keypoint_weights=weights, **self.tables)
        return sample


def gaussian_heatmaps(
    points: np.ndarray, visible: np.ndarray, size: tuple[int, int], sigma: float, subpixel: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a Gaussian of height 1 around each keypoint, cut off at 3 sigma, as MMPose does.

    Args:
        points: (K, 2) in pixels of the heatmap.
        visible: (K,); keypoints below 0.5 are not drawn.
        size: (W, H).
        sigma: in pixels.
        subpixel: centre it at the keypoint (UDP), else at the nearest pixel.

    Returns:
        (K, H, W) float32, and (K,) which of them are drawn, some of their Gaussian being inside.
    """
    width, height = size
    radius = sigma * 3
    steps = np.arange(0, 2 * radius + 1, 1, dtype=np.float32)
    nearest = (points + 0.5).astype(np.int64)
    first = (nearest - radius).astype(np.int64)
    last = (nearest + radius + 1).astype(np.int64)
    drawn = (visible >= 0.5) & (first < (width, height)).all(1) & (last >= 0).all(1)
    heatmaps = np.zeros((len(points), height, width), np.float32)
    middle = (2 * radius + 1) // 2
    if subpixel:
        off = middle + (points - nearest)
        squares = (steps - off[:, :, None]) ** 2
    else:
        squares = np.broadcast_to((steps - middle) ** 2, (*points.shape, len(steps)))
    gaussians = np.exp(-(squares[:, :1] + squares[:, 1:].swapaxes(1, 2)) / (2 * sigma**2))
    starts, ends = np.maximum(first, 0).tolist(), np.minimum(last, (width, height)).tolist()
    for k in np.flatnonzero(drawn).tolist():
        (x1, y1), (x2, y2), (left, top) = starts[k], ends[k], first[k].tolist()
        heatmaps[k, y1:y2, x1:x2] = gaussians[k, y1 - top : y2 - top, x1 - left : x2 - left]
    return heatmaps, drawn
