"""One labelled instance as a converter reads it."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class PoseRecord:
    """One labelled instance and where it was read.

    Attributes:
        image: path of the image.
        width: image width in pixels, EXIF orientation applied.
        height: image height in pixels, EXIF orientation applied.
        keypoints: ``(K, 3)`` float64: x, y, visibility (0 absent, 1 occluded, 2 visible).
        bbox: ``(4,)`` float64, xyxy.
        area: area of the object in square pixels, the s² of OKS.
        source: the annotation file it came from.
        notes: rules that were applied while reading, in words (for the report of the reader).
        category: what the object is, by name.
        crowd: COCO's ``iscrowd``: a group that is neither learnt nor scored.
    """

    image: Path
    width: int
    height: int
    keypoints: np.ndarray
    bbox: np.ndarray
    area: float
    source: Path
    notes: tuple[str, ...] = field(default=())
    category: str = "object"
    crowd: bool = False

    @property
    def num_labelled(self) -> int:
        """How many keypoints carry a label."""
        return int((self.keypoints[:, 2] > 0).sum())
