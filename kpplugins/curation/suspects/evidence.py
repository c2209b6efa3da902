"""Labels, and what was predicted where they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kpplugins.data import PoseRecord
from kpplugins.schema import KeypointSchema
from kpplugins.structures.geometry import box_areas

_ARRAYS = ("predicted", "scores", "moved", "boxes", "derived", "possible")


@dataclass(frozen=True)
class Evidence:
    """N labelled instances with K keypoints, each with a prediction of a model that was not trained on its image.

    Attributes:
        schema: the keypoints.
        records: N labels, no crowds, each with a labelled keypoint.
        predicted: (N, K, 2) pixels (x, y); NaN where nothing was found at the instance.
        scores: (N, K) confidence of each predicted keypoint.
        moved: (N, K) pixels between each predicted keypoint and that of a second look; 0 where there was none.
        boxes: (N, 4) xyxy, the box that the keypoints imply: as in training around the predicted ones, or the one that
            the model found; NaN where it is not known.
        derived: (N,) boolean: the labelled box was made from the keypoints, so that it cannot be wrong by itself.
        possible: (N, K) boolean: the instance's category has the keypoint.
    """

    schema: KeypointSchema
    records: tuple[PoseRecord, ...]
    predicted: np.ndarray
    scores: np.ndarray
    moved: np.ndarray
    boxes: np.ndarray
    derived: np.ndarray
    possible: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence["Evidence"]) -> "Evidence":
        """Put several together.

        Args:
            parts: of one schema, one or more.

        Returns:
            All instances, in the order of the parts.
        """
        records = tuple(record for part in parts for record in part.records)
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS}
        return cls(parts[0].schema, records, **arrays)

    def chosen(self, rows: Sequence[int]) -> "Evidence":
        """Return some of the instances.

        Args:
            rows: their indices, in the order that is wanted.

        Returns:
            The evidence of these.
        """
        kept = np.array(rows, int)
        arrays = {name: getattr(self, name)[kept] for name in _ARRAYS}
        return Evidence(self.schema, tuple(self.records[i] for i in rows), **arrays)

    @cached_property
    def points(self) -> np.ndarray:
        """Return the labelled keypoints, (N, K, 2) pixels."""
        return self._keypoints[..., :2]

    @cached_property
    def labelled(self) -> np.ndarray:
        """Return (N, K) boolean."""
        return self._keypoints[..., 2] > 0

    @cached_property
    def label_boxes(self) -> np.ndarray:
        """Return the labelled boxes, (N, 4) xyxy."""
        return np.array([r.bbox for r in self.records], float).reshape(-1, 4)

    @cached_property
    def found(self) -> np.ndarray:
        """Return (N,) boolean: something was predicted at the instance."""
        return np.isfinite(self.predicted).all(axis=(1, 2))

    @cached_property
    def size(self) -> np.ndarray:
        """Return (N,) the size of each instance in pixels: the square root of its box's area.

        The smaller of the labelled box and the implied one, so that a box that is too large hides nothing.
        """
        both = np.stack([box_areas(self.label_boxes), box_areas(np.nan_to_num(self.boxes))])
        areas = np.where(both > 0, both, np.inf).min(axis=0)
        return np.sqrt(np.where(np.isfinite(areas), areas, 1.0))

    @cached_property
    def residuals(self) -> np.ndarray:
        """Return (N, K) distances of labels and predictions in units of the instance's size; NaN without a label."""
        return self.distances(self.points, self.labelled)

    def distances(self, points: np.ndarray, labelled: np.ndarray) -> np.ndarray:
        """Compare other labels with the predictions.

        Args:
            points: (N, K, 2) pixels.
            labelled: (N, K) boolean.

        Returns:
            (N, K) in units of the instance's size; NaN where there is no label or no prediction.
        """
        off = np.linalg.norm(points - self.predicted, axis=2) / self.size[:, None]
        return np.where(labelled, off, np.nan)

    @cached_property
    def _keypoints(self) -> np.ndarray:
        return np.array([r.keypoints for r in self.records], float).reshape(-1, self.schema.num_keypoints, 3)
