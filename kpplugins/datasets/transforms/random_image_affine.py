"""Random shift, zoom and rotation of whole images."""

import numpy as np
from mmpose.registry import TRANSFORMS

from kpplugins.datasets.transforms.image_affine import ImageAffine


@TRANSFORMS.register_module()
class RandomImageAffine(ImageAffine):
    """``ImageAffine`` with a random shift, zoom and rotation of the image, for training.

    Zoom and shift are uniform, as in CenterNet's training (Zhou et al.: Objects as Points, 2019). Keep rotations small:
    the rotated boxes are estimates, least accurate for thin, diagonal instances (see ``moved_boxes``).

    Keypoints that leave the image become absent (those within half a pixel of it are moved inside); boxes are clipped
    and their ``area`` is reduced in proportion. An instance that keeps less than ``min_inside`` of its box becomes a
    region to ignore (``iscrowd`` 1); one that keeps nothing is removed from all arrays.

    Changed keys besides those of ``ImageAffine``: ``keypoints_visible`` (N, K), ``iscrowd``, ``category_id``, ``id``,
    ``bbox_score`` (N,). ``input_center`` and ``input_scale`` do not include the rotation: predictions for a rotated
    image cannot be mapped back.

    Args:
        input_size: see ``ImageAffine``.
        zoom: smallest and largest scale; 1 fits the image into the input.
        shift: largest shift of the image's middle, as a fraction of its sides.
        degrees: largest rotation.
        min_inside: share of its box that an instance must keep to be learnt.
        pad_value: see ``ImageAffine``.
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        zoom: tuple[float, float] = (0.6, 1.4),
        shift: float = 0.2,
        degrees: float = 5.0,
        min_inside: float = 0.2,
        pad_value: float = 0,
    ) -> None:
        super().__init__(input_size, pad_value)
        self.zoom, self.shift, self.degrees, self.min_inside = zoom, shift, degrees, min_inside

    def transform(self, results: dict) -> dict:
        """Transform the image and its instances, and clip them to the input."""
        results = super().transform(results)
        if "keypoints" in results:
            self._cut(results)
        return results

    def largest_zoom(self) -> float:
        """Return the largest zoom that is ever drawn."""
        return max(self.zoom)

    def draw(self) -> tuple[np.ndarray, float, float]:
        """Draw shift, zoom and rotation uniformly within their limits."""
        shift = np.random.uniform(-self.shift, self.shift, 2)
        return shift, np.random.uniform(*self.zoom), np.random.uniform(-self.degrees, self.degrees)

    def _cut(self, results: dict) -> None:
        last = np.array(self.input_size, np.float32) - 1
        points, boxes = results["keypoints"], results["bbox"]
        inside = ((points >= -0.5) & (points <= last + 0.5)).all(axis=-1)
        results["keypoints_visible"] = np.where(inside, results["keypoints_visible"], 0).astype(np.float32)
        results["keypoints"] = np.where(inside[..., None], np.clip(points, 0, last), points)
        results["bbox"] = np.clip(boxes, -0.5, np.tile(last + 0.5, 2))
        share = _areas(results["bbox"]) / np.maximum(_areas(boxes), 1e-9)
        results["area"] = results["area"] * share
        results["iscrowd"] = np.where(share < self.min_inside, 1, results["iscrowd"])
        for key in _PER_INSTANCE:
            if key in results:
                results[key] = results[key][share > 0]
        if "id" in results:
            results["id"] = np.asarray(results["id"])[share > 0].tolist()


_PER_INSTANCE = (
    "area", "bbox", "bbox_score", "category_id", "iscrowd", "keypoints", "keypoints_visible",
)  # fmt: skip


def _areas(boxes: np.ndarray) -> np.ndarray:
    """Return areas (N,) of boxes (N, 4) xyxy; 0 for inverted and flat ones."""
    return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
