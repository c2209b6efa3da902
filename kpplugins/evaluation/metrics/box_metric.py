"""AP of boxes alone."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from kpplugins.evaluation.coco_ap import BOX_LINES, coco_lines
from kpplugins.evaluation.coco_detection import boxes_evaluator, coco_boxes
from kpplugins.evaluation.intervals.match_table import MatchTable
from kpplugins.evaluation.intervals.per_image_table import PerImageTable
from kpplugins.evaluation.scene import Scene
from kpplugins.structures import BadInputError


@METRICS.register_module()
class BoxMetric(BaseMetric):
    """COCO's twelve numbers of boxes, for detectors without keypoints.

    A sample holds ``pred_instances`` as MMDetection's models return them (``bboxes`` (N, 4) xyxy in pixels of the
    original image, ``scores`` (N,), ``labels`` (N,) 0-based), ``raw_ann_info`` (G COCO annotations), ``img_id``,
    ``img_path`` and ``ori_shape``.

    Keys: ``box/AP box/AP50 box/AP75 box/AP(S) box/AP(M) box/AP(L) box/AR@1 box/AR@10 box/AR@100 box/AR(S) box/AR(M)
    box/AR(L)``, as ``BoxKeypointMetric`` calls them.

    After ``compute_metrics`` the attribute ``scenes`` holds the images.

    Args:
        collect_device: ``cpu`` or ``gpu``, for distributed testing.
        prefix: put before every key, with a slash.

    Raises:
        BadInputError: a dataset without names of its classes, or a faulty prediction or truth (see
            ``Scene.from_sample``).
    """

    default_prefix = "box"
    scenes: Sequence[Scene] = ()

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Store each image as arrays."""
        classes = class_names_of(self)
        self.results += [Scene.from_sample(_without_points(s), classes, 0) for s in data_samples]

    def compute_metrics(self, results: list[Scene]) -> dict[str, float]:
        """Compute the numbers, and log COCO's lines."""
        self.scenes = results
        numbers = coco_boxes(results, len(self.dataset_meta["classes"])).numbers
        lines = coco_lines(numbers, BOX_LINES)
        MMLogger.get_current_instance().log(logging.INFO, f"{len(results)} images\nboxes\n{lines}")
        return dict(numbers)

    def per_image_table(self) -> PerImageTable:
        """Return what each image of the last test, which had some, adds to the numbers, under their keys."""
        ordered = sorted(self.scenes, key=lambda scene: scene.image_id)
        evaluator = boxes_evaluator(ordered, len(self.dataset_meta["classes"]))
        matches = MatchTable.of(evaluator, BOX_LINES, range(len(ordered)))
        return PerImageTable.of_matches([scene.image for scene in ordered], {f"{self.prefix}/": matches})


def class_names_of(metric: BaseMetric) -> list[str]:
    """Return the class names of a metric's dataset.

    Args:
        metric: with its ``dataset_meta``.

    Returns:
        The names, in the order of the labels.

    Raises:
        BadInputError: the dataset does not name its classes.
    """
    names = metric.dataset_meta.get("classes")
    if not names or isinstance(names, str):
        raise BadInputError(
            "the dataset does not name its classes", where=type(metric).__name__, found=repr(names),
            expected='`classes` in its metainfo, e.g. ("person",)',
            todo='give the test dataset data_mode="bottomup"',
        )  # fmt: skip
    return [str(name) for name in names]


def _without_points(sample: dict) -> dict:
    """Convert the sample to that of a one-stage model with K = 0."""
    found, truth = sample["pred_instances"], sample["raw_ann_info"]
    count = len(found["bboxes"])
    return {
        **sample,
        "raw_ann_info": [{**entry, "keypoints": []} for entry in truth] if isinstance(truth, list) else truth,
        "pred_instances": {
            "bboxes": found["bboxes"],
            "bbox_scores": found["scores"],
            "labels": found["labels"],
            "keypoints": np.zeros((count, 0, 2)),
            "keypoint_scores": np.zeros((count, 0)),
        },
    }
