"""AP of boxes and of keypoints for models that predict both in whole images."""

import logging
from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from kpplugins.evaluation.coco_ap import BOX_LINES, coco_lines
from kpplugins.evaluation.detection_result import DetectionResult
from kpplugins.evaluation.metrics.box_metric import class_names_of
from kpplugins.evaluation.metrics.keypoint_metric import norm_points, point_lines
from kpplugins.evaluation.scene import KEYPOINT_SCORES, Scene
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError


@METRICS.register_module()
class BoxKeypointMetric(BaseMetric):
    """COCO's twelve numbers of boxes and ten of keypoints, PCK, NME and pixel errors, from one pass over the images.

    For one-stage models, on a dataset with ``data_mode="bottomup"``: N predictions and G truths per image, K keypoints.
    A sample holds ``pred_instances`` (``bboxes`` (N, 4) xyxy in pixels of the original image, ``bbox_scores`` (N,),
    ``labels`` (N,) 0-based, ``keypoints`` (N, K, 2), ``keypoint_scores`` (N, K)), ``raw_ann_info`` (G COCO
    annotations), ``img_id``, ``img_path`` and ``ori_shape``.

    Keys: ``AP AP50 AP75 AP(M) AP(L) AR AR50 AR75 AR(M) AR(L)`` of the keypoints, so that ``save_best="AP"`` means
    them; ``box/AP box/AP50 box/AP75 box/AP(S) box/AP(M) box/AP(L) box/AR@1 box/AR@10 box/AR@100 box/AR(S) box/AR(M)
    box/AR(L)``; then ``PCK@0.05 PCK@0.1 PCK@0.2 NME EPE RMSE`` of the true instances for which a box was found, and how
    many were ``matched`` and ``missed`` (see ``DetectionResult``). OKS uses the sigmas of the dataset's schema, which
    are logged with the result, and the annotation's ``area``.

    After ``compute_metrics`` the attribute ``result`` holds everything as a ``DetectionResult``.

    Args:
        keypoint_score: ``box`` ranks keypoints by the score of their box; ``box_times_points`` by that times the mean
            of the keypoint scores above 0.2, as MMPose's ``CocoMetric`` does.
        nme_keypoints: names of the two points whose distance normalises NME; ``None`` takes ``left_eye`` and
            ``right_eye`` where both exist, and √area otherwise.
        collect_device: ``cpu`` or ``gpu``, for distributed testing.
        prefix: put before every key, with a slash.

    Raises:
        BadInputError: an unknown ``keypoint_score`` or point; a dataset without names of its classes; a faulty
            prediction or truth (see ``Scene.from_sample``).
    """

    default_prefix = ""  # keys stand alone

    def __init__(
        self,
        keypoint_score: str = "box",
        nme_keypoints: Sequence[str] | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if keypoint_score not in KEYPOINT_SCORES:
            raise BadInputError(
                "unknown `keypoint_score` of BoxKeypointMetric",
                expected=" or ".join(KEYPOINT_SCORES),
                found=repr(keypoint_score),
            )
        self.keypoint_score = keypoint_score
        self.nme_keypoints = nme_keypoints
        self.result: DetectionResult | None = None

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Store each image as arrays."""
        classes, k = class_names_of(self), len(self.dataset_meta["keypoint_id2name"])
        self.results += [Scene.from_sample(s, classes, k, self.keypoint_score) for s in data_samples]

    def compute_metrics(self, results: list[Scene]) -> dict[str, float]:
        """Compute the numbers; log COCO's lines, sigmas, norms, and a table of the classes if there are several."""
        schema = KeypointSchema.from_metainfo(self.dataset_meta)
        pair = norm_points(schema, self.nme_keypoints)
        absent = bool(self.dataset_meta.get("unlabelled_is_absent", True))
        self.result = DetectionResult.of(results, class_names_of(self), schema, pair, absent)
        self._log(self.result)
        return dict(self.result.summary)

    @staticmethod
    def _log(result: DetectionResult) -> None:
        s = result.summary
        MMLogger.get_current_instance().log(
            logging.INFO,
            f"{len(result.scenes)} images, {len(result.images)} instances with points: {s['matched']:.0f} found, "
            f"{s['missed']:.0f} missed\nboxes\n{coco_lines(result.box_table.numbers, BOX_LINES)}\n"
            f"keypoints\n{coco_lines(s)}\n{point_lines(result, 'of the found; ')}{_class_lines(result)}",
        )


def _class_lines(result: DetectionResult) -> str:
    """Format a table of the classes if there are several; ``-`` where a class has no such truth."""
    if len(result.classes) < 2:
        return ""
    width = max(len("class"), *(len(name) for name in result.classes))
    columns = ("AP", "AP50", "AP75")
    lines = [f"\n {'class':<{width}}" + "".join(f" {f'box {c}':>8} {c:>8}" for c in columns)]
    tables = zip(result.classes, result.box_table.per_class, result.keypoint_table.per_class, strict=True)
    for name, boxes, points in tables:
        cells = [table[c] for c in columns for table in (boxes, points)]
        lines.append(f" {name:<{width}}" + "".join(f" {'-' if v < 0 else f'{v:.3f}':>8}" for v in cells))
    return "\n".join(lines)
