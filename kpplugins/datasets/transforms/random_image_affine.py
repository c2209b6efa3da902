"""Random shift, zoom and turn of whole images."""

import numpy as np
from mmpose.registry import TRANSFORMS

from kpplugins.datasets.transforms.image_affine import ImageAffine


@TRANSFORMS.register_module()
class RandomImageAffine(ImageAffine):
    """``ImageAffine`` with the image moved, zoomed and turned at random, for training.

    Zoom and shift are uniform, of the kind that CenterNet was trained with (Zhou et al.: Objects as Points, 2019). Keep
    turns small: what a box becomes is a guess then, worst for thin things that lie aslant (see ``moved_boxes``).

    What leaves the image: points become invisible (one on the border's last half pixel is moved in); boxes are cut,
    their ``area`` with them. An instance of whose box less than ``min_inside`` is left becomes a region to ignore
    (``iscrowd`` 1), one of which nothing is left goes, out of all arrays of N.

    Changed keys beside those of ``ImageAffine``: ``keypoints_visible`` (N, K), ``iscrowd``, ``category_id``, ``id``,
    ``bbox_score`` (N,). ``input_center`` and ``input_scale`` leave out the turn: what a model finds in a turned image
    is not mapped back.

    Args:
        input_size: see ``ImageAffine``.
        zoom: least and largest size, 1 being the image that just fits.
        shift: how far its middle moves at most, as a fraction of its sides.
        degrees: how far it is turned at most.
        min_inside: share of its box that must be left of an instance that is learnt.
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
        """Move everything, and cut what leaves the image."""
        results = super().transform(results)
        if "keypoints" in results:
            self._cut(results)
        return results

    def draw(self) -> tuple[np.ndarray, float, float]:
        """Each uniform within its limits."""
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
    """(N,) of (N, 4) xyxy; 0 for one that is inverted or flat."""
    return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
