"""One instance as a reader makes it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kpplugins.data.rule import AppliedRule


@dataclass(frozen=True, slots=True)
class PoseRecord:
    """One labelled instance and where it was read.

    Attributes:
        image: path of the image.
        width: image width in pixels, EXIF orientation applied.
        height: image height in pixels, EXIF orientation applied.
        keypoints: ``(K, 3)`` float64: x, y, visibility (0 absent, 1 occluded, 2 visible).
        bbox: ``(4,)`` float64, xyxy.
        area: area of the instance in square pixels, the s² of OKS.
        source: the annotation file it came from.
        rules: what was changed or derived while reading, in order, for the report.
        category: name of its category.
        crowd: COCO's ``iscrowd``: a group that is neither learnt nor scored.
    """

    image: Path
    width: int
    height: int
    keypoints: np.ndarray
    bbox: np.ndarray
    area: float
    source: Path
    rules: tuple[AppliedRule, ...] = ()
    category: str = "object"
    crowd: bool = False

    @property
    def num_labelled(self) -> int:
        """Return the number of labelled keypoints."""
        return int((self.keypoints[:, 2] > 0).sum())
