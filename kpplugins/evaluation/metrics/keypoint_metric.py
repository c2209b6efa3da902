"""OKS AP/AR, PCK, NME and pixel error of top-down predictions."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from kpplugins.evaluation.coco_ap import coco_lines
from kpplugins.evaluation.evaluation_result import EvaluationResult
from kpplugins.evaluation.visibility import head_visibility
from kpplugins.schema import KeypointSchema

EYES = ("left_eye", "right_eye")


@METRICS.register_module()
class KeypointMetric(BaseMetric):
    """The ten COCO keypoint numbers, PCK@0.05/0.1/0.2, NME and mean pixel error, from one pass over the predictions.

    Keys: ``AP AP50 AP75 AP(M) AP(L) AR AR50 AR75 AR(M) AR(L) PCK@0.05 PCK@0.1 PCK@0.2 NME EPE RMSE``. PCK is normalised
    by the longer side of the box, NME by the inter-ocular distance if the keypoint set has both eyes, else by √area
    (the log says which). OKS uses the sigmas of the dataset's schema, printed with the result, and the
    annotation's ``area``. An instance's score is its box score times the mean of its keypoint scores above 0.2, as in
    MMPose's ``CocoMetric``.

    After ``compute_metrics`` the attribute ``result`` holds everything as an ``EvaluationResult``.

    Args:
        nme_keypoints: names of the two keypoints whose distance normalises NME; ``None`` takes ``left_eye`` and
            ``right_eye`` where both exist.
        collect_device: ``cpu`` or ``gpu``, for distributed testing.
        prefix: put before every key, with a slash.

    Raises:
        BadInputError: ``nme_keypoints`` names an unknown keypoint.
        ValueError: a sample whose prediction is not exactly one instance (not a top-down model).
    """

    default_prefix = ""  # keys stand alone

    def __init__(
        self,
        nme_keypoints: Sequence[str] | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.nme_keypoints = nme_keypoints
        self.result: EvaluationResult | None = None

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Store truth and prediction of each sample."""
        for sample in data_samples:
            predicted, truth = sample["pred_instances"], sample["raw_ann_info"]
            if len(predicted["keypoints"]) != 1 or not isinstance(truth, dict):
                raise ValueError(
                    f"KeypointMetric pairs one prediction with one annotation (top-down); "
                    f"found {len(predicted['keypoints'])} predictions in {sample['img_path']}"
                )
            points = np.asarray(truth["keypoints"], float).reshape(-1, 3)
            x, y, w, h = truth["bbox"]
            height, width = sample["ori_shape"][:2]
            self.results.append(
                {
                    "image": sample["img_path"],
                    "category": str(truth.get("category", "object")),
                    "image_id": int(sample["img_id"]),
                    "size": (width, height),
                    "truth": points[:, :2],
                    "visibility": points[:, 2].astype(np.int64),
                    "area": float(truth["area"]),
                    "box": (x, y, x + w, y + h),
                    "box_score": float(np.ravel(predicted["bbox_scores"])[0]),
                    "predicted": np.asarray(predicted["keypoints"][0], float)[:, :2],
                    "scores": np.asarray(predicted["keypoint_scores"][0], float),
                    "own": head_visibility(predicted),
                }
            )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Compute the numbers; log COCO's ten lines, sigmas and norms."""
        schema = KeypointSchema.from_metainfo(self.dataset_meta)
        column = {key: np.array([r[key] for r in results]) for key in results[0] if key != "own"}
        self.result = EvaluationResult(
            schema=schema,
            images=column["image"].tolist(),
            categories=column["category"].tolist(),
            image_ids=column["image_id"],
            sizes=column["size"],
            truth=column["truth"],
            visibility=column["visibility"],
            predicted=column["predicted"],
            scores=column["scores"],
            box_scores=column["box_score"],
            boxes=column["box"],
            areas=column["area"],
            interocular=norm_points(schema, self.nme_keypoints),
            predicted_visibility=_own_visibility(results),
            unlabelled_is_absent=bool(self.dataset_meta.get("unlabelled_is_absent", True)),
        )
        self._log(self.result)
        return dict(self.result.summary)

    @staticmethod
    def _log(result: EvaluationResult) -> None:
        lines = f"{len(result.images)} instances\n{coco_lines(result.summary)}\n{point_lines(result)}"
        MMLogger.get_current_instance().log(logging.INFO, lines)


def _own_visibility(results: list[dict]) -> np.ndarray | None:
    """Return (N, K) of a head that predicts visibility; an instance for which it is the score exactly has the score."""
    if all(r["own"] is None for r in results):
        return None
    return np.stack([r["scores"] if r["own"] is None else r["own"][0] for r in results])


def norm_points(schema: KeypointSchema, chosen: Sequence[str] | None) -> tuple[str, str] | None:
    """Choose the two keypoints whose distance normalises NME.

    Args:
        schema: of the dataset.
        chosen: two names, or ``None`` for the eyes.

    Returns:
        Two names; ``None`` if none are chosen and the schema lacks an eye.

    Raises:
        BadInputError: an unknown keypoint.
    """
    pair = chosen or (EYES if set(EYES) <= set(schema.keypoints) else None)
    if pair is None:
        return None
    schema.indices_of(pair)
    return pair[0], pair[1]


def point_lines(result: EvaluationResult, of: str = "") -> str:
    """Format the log lines on sigmas, PCK, NME and pixel errors.

    Args:
        result: the result of a test.
        of: names the instances that PCK covers, ending in ``; ``.

    Returns:
        Three lines.
    """
    s, schema = result.summary, result.schema
    sigmas = ", ".join(f"{n} {v:g}" for n, v in zip(schema.keypoints, schema.sigmas, strict=True))
    return (
        f" OKS sigmas ({schema.sigmas_source}): {sigmas}\n "
        f"PCK@0.05 {s['PCK@0.05']:.4f}  PCK@0.1 {s['PCK@0.1']:.4f}  PCK@0.2 {s['PCK@0.2']:.4f} "
        f"({of}norm: longer side of the box)\n NME {s['NME']:.4f} (norm: {result.nme_norm[1]})  "
        f"EPE {s['EPE']:.2f} px (mean error)  RMSE {s['RMSE']:.2f} px (of the coordinates)"
    )
