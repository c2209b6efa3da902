"""All results of a test run of a model that finds boxes and keypoints."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from kpplugins.evaluation.coco_ap import BOX_LINES, KEYPOINT_LINES
from kpplugins.evaluation.coco_detection import (
    CocoTable,
    box_overlap,
    boxes_evaluator,
    coco_boxes,
    coco_keypoints,
    keypoints_evaluator,
    ranked,
    xywh,
)
from kpplugins.evaluation.evaluation_result import EvaluationResult, found_instance
from kpplugins.evaluation.intervals.match_table import MatchTable
from kpplugins.evaluation.scene import Scene
from kpplugins.schema import KeypointSchema

SAME_OBJECT = 0.5
"""Least IoU at which a predicted box and a true one count as the same object."""
BEST = 20
"""Maximum number of predictions of a class that count in an image, as in COCO's keypoint AP."""


@dataclass(frozen=True)
class DetectionResult(EvaluationResult):
    """Truth and prediction over whole images; the N rows are all true instances with keypoints, except crowds.

    Among the image's 20 best predictions of its class, each is paired with the best-scored one that has IoU ≥ 0.5 with
    it and is not taken; a row without such a prediction is missed: its ``predicted`` are NaN, its scores 0. The ten
    COCO numbers are over the whole images, with all predictions. PCK and the errors are over the rows that are not
    missed, so read them with ``matched`` and ``missed``. ``boxes`` are the true ones.

    Attributes:
        scenes: the images.
        classes: names of the categories.
        places: (N, 3) indices of each row: its image in ``scenes``, the truth in it, and the prediction; the last is
            -1 if the instance is missed.
    """

    scenes: list[Scene]
    classes: list[str]
    places: np.ndarray

    @classmethod
    def of(
        cls,
        scenes: Sequence[Scene],
        classes: Sequence[str],
        schema: KeypointSchema,
        interocular: tuple[str, str] | None,
        unlabelled_is_absent: bool = True,
    ) -> "DetectionResult":
        """Pair truth and predictions.

        Args:
            scenes: the images, with the schema's K keypoints.
            classes: class names.
            schema: of the keypoints.
            interocular: the two keypoints whose distance normalises NME; ``None`` takes √area.
            unlabelled_is_absent: see ``EvaluationResult``.

        Returns:
            The result.
        """
        k, rows = schema.num_keypoints, []
        for i, scene in enumerate(scenes):
            picks = _pairs(scene, len(classes))
            rows += [(i, g, int(picks[g])) for g in np.flatnonzero(scene.counted).tolist()]
        n = len(rows)
        predicted, scores, box_scores = np.full((n, k, 2), np.nan), np.zeros((n, k)), np.zeros(n)
        truth, visibility = np.zeros((n, k, 2)), np.zeros((n, k), np.int64)
        boxes, areas = np.zeros((n, 4)), np.zeros(n)
        own = np.zeros((n, k)) if any(scene.point_visibility is not None for scene in scenes) else None
        for row, (i, g, m) in enumerate(rows):
            scene = scenes[i]
            truth[row], visibility[row], areas[row] = scene.truth[g], scene.visibility[g], scene.areas[g]
            boxes[row] = scene.true_boxes[g]
            if m >= 0:
                predicted[row], scores[row] = scene.points[m], scene.point_scores[m]
                box_scores[row] = scene.box_scores[m]
                if own is not None and scene.point_visibility is not None:
                    own[row] = scene.point_visibility[m]
        boxes[:, 2:] += boxes[:, :2]
        return cls(
            schema=schema,
            images=[scenes[i].image for i, _, _ in rows],
            categories=[classes[scenes[i].true_classes[g]] for i, g, _ in rows],
            image_ids=np.array([scenes[i].image_id for i, _, _ in rows], np.int64),
            sizes=np.array([scenes[i].size for i, _, _ in rows], np.int64).reshape(-1, 2),
            truth=truth, visibility=visibility, predicted=predicted, scores=scores, box_scores=box_scores,
            boxes=boxes, areas=areas, interocular=interocular,
            predicted_visibility=own, unlabelled_is_absent=unlabelled_is_absent,
            scenes=list(scenes), classes=list(classes), places=np.array(rows, np.int64).reshape(-1, 3),
        )  # fmt: skip

    @property
    def missed(self) -> np.ndarray:
        """Return (N,) boolean: no prediction matches the instance."""
        return self.places[:, 2] < 0

    @cached_property
    def known(self) -> np.ndarray:
        """Return (N, K) boolean as for given boxes, but never of missed rows, for which nothing is predicted."""
        return super().known & ~self.missed[:, None]

    @cached_property
    def found_boxes(self) -> np.ndarray:
        """Return the predicted boxes (N, 4) xyxy pixels, NaN for missed rows."""
        boxes = np.full((len(self.places), 4), np.nan)
        for row, (i, _, m) in enumerate(self.places.tolist()):
            if m >= 0:
                boxes[row] = self.scenes[i].boxes[m]
        return boxes

    @cached_property
    def instance_error(self) -> np.ndarray:
        """Return (N,) mean distance over √area, to rank instances from best to worst; NaN for missed ones."""
        counted = np.maximum(self.labelled.sum(axis=1), 1)
        total = np.nansum(self.distance, axis=1) / np.sqrt(np.maximum(self.areas, 1e-9))
        return np.where(self.missed, np.nan, total / counted)

    @cached_property
    def box_table(self) -> CocoTable:
        """Return COCO's twelve numbers of the boxes, over all classes and of each."""
        return coco_boxes(self.scenes, len(self.classes))

    @cached_property
    def keypoint_table(self) -> CocoTable:
        """Return COCO's ten numbers of the keypoints, over all classes and of each."""
        return coco_keypoints(self.scenes, len(self.classes), self.schema.sigmas)

    def coco_numbers(self, predicted: np.ndarray | None = None) -> dict[str, float]:
        """Compute the ten COCO numbers of the keypoints over whole images.

        ``predicted`` (N, K, 2) replaces the keypoints of the matched rows; all other predictions stay.
        """
        if predicted is None:
            return dict(self.keypoint_table.numbers)
        points = [scene.points.copy() for scene in self.scenes]
        for (i, _, m), row in zip(self.places.tolist(), predicted, strict=True):
            if m >= 0:
                points[i][m] = row
        changed = [replace(scene, points=p) for scene, p in zip(self.scenes, points, strict=True)]
        return coco_keypoints(changed, len(self.classes), self.schema.sigmas).numbers

    @cached_property
    def summary(self) -> dict[str, float]:
        """Return the numbers of ``metrics.json``.

        COCO's ten of the keypoints, ``box/…`` the twelve of the boxes, ``PCK@t``, ``NME``, ``EPE`` and ``RMSE`` of the
        matched rows, and how many rows are ``matched`` and ``missed``.
        """
        ten = self.coco_numbers()
        of_points = {key: value for key, value in super().summary.items() if key not in ten}
        return {
            **ten,
            **{f"box/{key}": value for key, value in self.box_table.numbers.items()},
            **of_points,
            "matched": float((~self.missed).sum()),
            "missed": float(self.missed.sum()),
        }

    def match_tables(self) -> dict[str, MatchTable]:
        """Return COCO's matches of the keypoints, and with the prefix ``box/`` those of the boxes."""
        classes, ids = len(self.classes), range(len(self.scenes))
        if not self.scenes:
            return {}
        points = keypoints_evaluator(self.scenes, classes, self.schema.sigmas)
        boxes = boxes_evaluator(self.scenes, classes)
        return {
            "": MatchTable.of(points, KEYPOINT_LINES, ids),
            "box/": MatchTable.of(boxes, BOX_LINES, ids),
        }

    @property
    def image_places(self) -> tuple[list[str], np.ndarray]:
        """Return the paths of all images, those without instances too, and the place (N,) of each row's image."""
        order = np.argsort([scene.image_id for scene in self.scenes], kind="stable")
        return [self.scenes[i].image for i in order], np.argsort(order)[self.places[:, 0]]

    @property
    def found(self) -> np.ndarray:
        """Return (N,) boolean: a prediction matches the instance."""
        return ~self.missed

    @cached_property
    def by_category(self) -> dict[str, EvaluationResult]:
        """Return the result of each category alone, with all of its predictions."""
        parts: dict[str, EvaluationResult] = {}
        for number, name in sorted(enumerate(self.classes), key=lambda pair: pair[1]):
            if name in self.categories:
                scenes = [scene.of_class(number) for scene in self.scenes]
                parts[name] = DetectionResult.of(
                    scenes, self.classes, self.schema, self.interocular, self.unlabelled_is_absent
                )
        return parts

    def unmatched(self) -> list[dict[str, Any]]:
        """Return the predictions that belong to no row, as ``per_instance`` does, each with ``image`` and ``category``.

        They are false, second ones of an instance, or of a crowd or an instance without keypoints.
        """
        taken = {(i, m) for i, _, m in self.places.tolist()}
        return [
            {
                "image": scene.image,
                "category": self.classes[scene.classes[m]],
                **found_instance(scene.boxes[m], scene.box_scores[m], scene.points[m], scene.point_scores[m]),
            }
            for i, scene in enumerate(self.scenes)
            for m in range(len(scene.classes))
            if (i, m) not in taken
        ]


def _pairs(scene: Scene, num_classes: int) -> np.ndarray:
    """Match predictions, highest score first, to truths: (G,) the index of each one's prediction, -1 without one."""
    picks = np.full(len(scene.truth), -1)
    counted = scene.counted
    if not counted.any() or not len(scene.classes):
        return picks
    boxes = xywh(scene.boxes)
    for number, best in enumerate(ranked(scene.classes, scene.scores, num_classes, BEST)):
        true = np.flatnonzero(counted & (scene.true_classes == number))
        overlap = box_overlap(boxes[best], scene.true_boxes[true], np.zeros(len(true), bool))
        for m, row in zip(best, overlap, strict=True):
            free = np.where(picks[true] < 0, row, 0.0)
            if free.size and free.max() >= SAME_OBJECT:
                picks[true[free.argmax()]] = m
    return picks
