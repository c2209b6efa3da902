"""Hold the data that the checks examine."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.images.looks import Looks
from kpplugins.curation.checks.raw_coco import RawFile
from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import images_of
from kpplugins.data.rule import AppliedRule

_DERIVED = {AppliedRule.BOX_DERIVED, AppliedRule.BOX_SMALL}
_PAD_TOLERANCE = 0.02
"""Pixels by which the four margins of a box around keypoints may differ and still count as equal."""


@dataclass(frozen=True)
class Material:
    """A data set that the checks examine.

    Attributes:
        source: the file or folder.
        format: name of its format.
        reading: what the reader returned.
        looks: hashes and thumbnails of its images.
        raw: the COCO files as they are; empty for other formats.
        group_by: regular expression on image paths that tells which images belong together, or ``None``.
    """

    source: Path
    format: str
    reading: AnnotationSet
    looks: Looks
    raw: tuple[RawFile, ...] = ()
    group_by: str | None = None

    @property
    def records(self) -> list[PoseRecord]:
        """Return N records, including crowds and unlabelled ones."""
        return self.reading.records

    @cached_property
    def images(self) -> list[ImageInfo]:
        """Return every image that could be read, once."""
        return images_of(self.reading)

    @cached_property
    def points(self) -> np.ndarray:
        """Return the keypoints, (N, K, 2) float64, (x, y) pixels."""
        return self._keypoints[..., :2]

    @cached_property
    def labelled(self) -> np.ndarray:
        """Return (N, K) boolean; no keypoint of a crowd counts as labelled."""
        crowd = np.array([r.crowd for r in self.records], bool)
        return (self._keypoints[..., 2] > 0) & ~crowd[:, None]

    @cached_property
    def visible(self) -> np.ndarray:
        """Return (N, K) boolean: labelled and not occluded."""
        return self.labelled & (self._keypoints[..., 2] == 2)

    @cached_property
    def boxes(self) -> np.ndarray:
        """Return the boxes, (N, 4) float64, xyxy pixels."""
        return np.array([r.bbox for r in self.records], np.float64).reshape(-1, 4)

    @cached_property
    def extents(self) -> np.ndarray:
        """Return the extents of the labelled keypoints, (N, 4) float64, xyxy pixels; NaN where none is labelled."""
        low = np.where(self.labelled[..., None], self.points, np.inf).min(axis=1, initial=np.inf)
        high = np.where(self.labelled[..., None], self.points, -np.inf).max(axis=1, initial=-np.inf)
        found = np.concatenate([low, high], axis=1)
        return np.where(np.isfinite(found), found, np.nan)

    @cached_property
    def derived(self) -> np.ndarray:
        """Return (N,) boolean: the box was derived from the keypoints, with one margin on all sides."""
        noted = np.array([not _DERIVED.isdisjoint(r.rules) for r in self.records], bool)
        gaps = np.concatenate(
            [self.extents[:, :2] - self.boxes[:, :2], self.boxes[:, 2:] - self.extents[:, 2:]], axis=1
        )
        return noted | (np.ptp(gaps, axis=1) <= _PAD_TOLERANCE)

    @cached_property
    def annotation_names(self) -> dict[int, str]:
        """Return annotation ids by index in ``records``, where the format has ids."""
        return {a.instance: a.name for f in self.raw for a in f.annotations if a.instance is not None}

    def about(self, instance: int, check: str, severity: str, what: str, todo: str) -> Finding:
        """Return a finding about one record, with its file, image and annotation filled in."""
        record = self.records[instance]
        return Finding(
            check, severity, what, todo, record.source, record.image,
            self.annotation_names.get(instance, ""), instance,
        )  # fmt: skip

    @cached_property
    def _keypoints(self) -> np.ndarray:
        k = self.reading.schema.num_keypoints
        return np.array([r.keypoints for r in self.records], np.float64).reshape(-1, k, 3)
