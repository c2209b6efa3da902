"""All results of a test run, as arrays and as numbers."""

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from kpplugins.evaluation import functional as F
from kpplugins.evaluation.coco_ap import KEYPOINT_LINES, coco_keypoint_numbers, keypoint_evaluator
from kpplugins.evaluation.intervals.match_table import MatchTable
from kpplugins.evaluation.visibility import known_states
from kpplugins.schema import KeypointSchema

PCK_THRESHOLDS = (0.05, 0.1, 0.2)


@dataclass(frozen=True)
class EvaluationResult:
    """Truth and prediction of N instances with K keypoints, paired.

    Attributes:
        schema: what the K keypoints are.
        images: N image paths.
        categories: N names of the instances' categories.
        image_ids: (N,) image ids.
        sizes: (N, 2) width and height of the images.
        truth: (N, K, 2) pixels.
        visibility: (N, K) int, of the truth: 0 absent, 1 occluded, 2 visible.
        predicted: (N, K, 2) pixels.
        scores: (N, K) keypoint scores.
        box_scores: (N,) score of the box in which the instance was searched.
        boxes: (N, 4) xyxy.
        areas: (N,) square pixels, s² of OKS.
        interocular: the two keypoints whose distance normalises NME; ``None`` takes √area.
        predicted_visibility: (N, K) of a head that predicts it itself; ``None`` if it does not.
        unlabelled_is_absent: a keypoint without a label is absent; otherwise nobody may have looked for it.
    """

    schema: KeypointSchema
    images: list[str]
    categories: list[str]
    image_ids: np.ndarray
    sizes: np.ndarray
    truth: np.ndarray
    visibility: np.ndarray
    predicted: np.ndarray
    scores: np.ndarray
    box_scores: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray
    interocular: tuple[str, str] | None
    predicted_visibility: np.ndarray | None = field(default=None, kw_only=True)
    unlabelled_is_absent: bool = field(default=True, kw_only=True)

    @property
    def labelled(self) -> np.ndarray:
        """Return (N, K) boolean: the keypoint has a label."""
        return self.visibility > 0

    @cached_property
    def known(self) -> np.ndarray:
        """Return (N, K) boolean: the prediction can be compared with the keypoint's state (see ``known_states``)."""
        if not self.unlabelled_is_absent:
            return self.labelled
        return known_states(self.visibility, self.images, self.categories)

    @cached_property
    def distance(self) -> np.ndarray:
        """Return (N, K) distances in pixels, NaN without a label."""
        return F.distances(self.predicted, self.truth, self.labelled)

    @cached_property
    def instance_error(self) -> np.ndarray:
        """Return (N,) mean distance over √area, to rank instances from best to worst; NaN if nothing is labelled."""
        counted = self.labelled.sum(axis=1)
        total = np.nansum(self.distance, axis=1) / np.sqrt(np.maximum(self.areas, 1e-9))
        return np.where(counted > 0, total / np.maximum(counted, 1), np.nan)

    @property
    def found_boxes(self) -> np.ndarray | None:
        """Return the predicted boxes (N, 4) xyxy pixels, NaN for missed instances; ``None`` if boxes were given."""
        return None

    def pck_curve(self, thresholds: np.ndarray) -> np.ndarray:
        """Return PCK (T,) at the thresholds (T,)."""
        return F.pck_curve(self.distance, self.box_side, thresholds)

    @property
    def box_side(self) -> np.ndarray:
        """Return the longer side of each box (N,) in pixels, the norm of PCK."""
        return (self.boxes[:, 2:] - self.boxes[:, :2]).max(axis=1)

    @property
    def nme_norm(self) -> tuple[np.ndarray, str]:
        """Return the norm of NME (N,) in pixels, and its description."""
        if self.interocular is None:
            return np.sqrt(self.areas), "square root of the area"
        first, second = self.schema.indices_of(self.interocular)
        norm = F.point_distance(self.truth, self.labelled, first, second)
        return norm, f"distance {self.interocular[0]} - {self.interocular[1]}"

    def coco_numbers(self, predicted: np.ndarray | None = None) -> dict[str, float]:
        """Compute the ten COCO numbers of ``predicted`` (N, K, 2), by default the model's predictions.

        With several categories each is the mean over them, as COCO defines it.
        """
        return coco_keypoint_numbers(*self._coco(predicted), self.schema.sigmas)

    def match_tables(self) -> dict[str, MatchTable]:
        """Return COCO's matches by the prefix of their keys; the images are in the order of ``image_places``."""
        images, annotations, predictions = self._coco(None)
        evaluator = keypoint_evaluator(images, annotations, predictions, self.schema.sigmas)
        return {"": MatchTable.of(evaluator, KEYPOINT_LINES, np.unique(self.image_ids).tolist())}

    @property
    def image_places(self) -> tuple[list[str], np.ndarray]:
        """Return the paths of all images, and the place (N,) of each row's image among them."""
        _, first, places = np.unique(self.image_ids, return_index=True, return_inverse=True)
        return [self.images[i] for i in first], places

    @property
    def found(self) -> np.ndarray | None:
        """Return (N,) boolean, whether an instance was found; ``None`` where each is searched in its own box."""
        return None

    def _coco(self, predicted: np.ndarray | None) -> tuple[list[dict], list[dict], list[dict]]:
        """Return COCO's images, annotations and results of ``predicted`` (N, K, 2)."""
        kinds = sorted(set(self.categories))
        points = self.predicted if predicted is None else predicted
        confident = np.where(self.scores > 0.2, self.scores, 0.0)
        score = self.box_scores * confident.sum(axis=1) / np.maximum((self.scores > 0.2).sum(axis=1), 1)
        images, annotations, predictions = {}, [], []
        for i, image_id in enumerate(self.image_ids.tolist()):
            width, height = (int(v) for v in self.sizes[i])
            images[image_id] = {"id": image_id, "width": width, "height": height}
            x1, y1, x2, y2 = (float(v) for v in self.boxes[i])
            visible = 2.0 * self.labelled[i, :, None]
            annotations.append(
                {
                    "id": i + 1,
                    "image_id": image_id,
                    "category_id": kinds.index(self.categories[i]) + 1,
                    "iscrowd": 0,
                    "area": float(self.areas[i]),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "num_keypoints": int(self.labelled[i].sum()),
                    "keypoints": np.concatenate([self.truth[i], visible], axis=1).reshape(-1).tolist(),
                }
            )
            flat = np.concatenate([points[i], self.scores[i, :, None]], axis=1).reshape(-1).tolist()
            predictions.append(
                {
                    "image_id": image_id,
                    "category_id": annotations[-1]["category_id"],
                    "keypoints": flat,
                    "score": float(score[i]),
                }
            )
        return list(images.values()), annotations, predictions

    @cached_property
    def summary(self) -> dict[str, float]:
        """Return the numbers of ``metrics.json``.

        COCO's ten, ``PCK@t``, ``NME``, and in pixels ``EPE`` (mean error) and ``RMSE`` (as Kaggle scores).
        """
        pcks = {f"PCK@{t:g}": F.pck(self.distance, self.box_side, t) for t in PCK_THRESHOLDS}
        return {
            **self.coco_numbers(),
            **pcks,
            "NME": F.nme(self.distance, self.nme_norm[0]),
            "EPE": F.mean_error(self.distance),
            "RMSE": F.rmse(self.distance),
        }

    @cached_property
    def by_category(self) -> dict[str, "EvaluationResult"]:
        """Return the result of each category alone."""
        kinds = {name: [n == name for n in self.categories] for name in sorted(set(self.categories))}
        return {name: self._only(np.array(mask)) for name, mask in kinds.items()}

    def per_category(self) -> dict[str, dict[str, float | int]]:
        """Return ``instances`` and the ``summary`` of each category alone."""
        return {
            name: {"instances": len(part.images), **part.summary} for name, part in self.by_category.items()
        }

    def _only(self, mask: np.ndarray) -> "EvaluationResult":
        """Return the instances where ``mask`` (N,) is true."""
        index = np.flatnonzero(mask)
        chosen = {f.name: getattr(self, f.name) for f in fields(self)}
        for name, value in chosen.items():
            if isinstance(value, np.ndarray):
                chosen[name] = value[index]
            elif isinstance(value, list):
                chosen[name] = [value[i] for i in index]
        return EvaluationResult(**chosen)

    def per_keypoint(self) -> list[dict[str, float | str | int]]:
        """Return one row per keypoint: ``labelled``, ``EPE`` in pixels, ``PCK@t``, and ``AP share``.

        ``AP share`` is how much AP would rise if this keypoint alone were exactly right.
        """
        rows: list[dict[str, float | str | int]] = []
        for k, name in enumerate(self.schema.keypoints):
            corrected = self.predicted.copy()
            corrected[:, k] = np.where(self.labelled[:, k, None], self.truth[:, k], corrected[:, k])
            one = self.distance[:, k : k + 1]
            rows.append(
                {
                    "keypoint": name,
                    "sigma": self.schema.sigmas[k],
                    "labelled": int(self.labelled[:, k].sum()),
                    "EPE": F.mean_error(one),
                    **{f"PCK@{t:g}": F.pck(one, self.box_side, t) for t in PCK_THRESHOLDS},
                    "AP share": self.coco_numbers(corrected)["AP"] - self.summary["AP"],
                }
            )
        return rows

    def per_instance(self) -> list[dict[str, Any]]:
        """Return one row per instance, as ``kpplugins test --predictions`` writes them.

        ``image``, ``width``, ``height``, ``category``; ``truth`` with ``bbox`` xyxy, ``area`` and ``keypoints`` [x, y,
        visibility]; ``prediction`` with ``bbox``, ``score`` and ``keypoints`` [x, y, score], ``None`` if the instance
        is missed; ``error`` in pixels of each keypoint, ``None`` without a label, and its mean, ``mean_error``.
        """
        boxes = self.boxes if self.found_boxes is None else self.found_boxes
        return [
            {
                "image": image,
                "width": int(self.sizes[i][0]),
                "height": int(self.sizes[i][1]),
                "category": self.categories[i],
                "truth": {
                    "bbox": rounded(self.boxes[i]),
                    "area": rounded(self.areas[i]),
                    "keypoints": [
                        [*rounded(point), int(seen)]
                        for point, seen in zip(self.truth[i], self.visibility[i], strict=True)
                    ],
                },
                "prediction": None
                if np.isnan(boxes[i]).any()
                else found_instance(boxes[i], self.box_scores[i], self.predicted[i], self.scores[i]),
                "error": rounded(self.distance[i]),
                "mean_error": rounded(np.mean(self.distance[i][known]) if known.any() else np.nan),
            }
            for i, (image, known) in enumerate(zip(self.images, self.labelled, strict=True))
        ]


def found_instance(box: np.ndarray, score: float, points: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
    """Return a prediction as plain values.

    Args:
        box: (4,) xyxy.
        score: of the box.
        points: (K, 2).
        scores: (K,).

    Returns:
        ``bbox``, ``score`` and ``keypoints`` [x, y, score].
    """
    return {
        "bbox": rounded(box),
        "score": rounded(score),
        "keypoints": rounded(np.column_stack([points, scores])),
    }


def rounded(values: np.ndarray | float) -> Any:
    """Return numbers as plain ones for JSON, with four decimals.

    Args:
        values: one number, or an array.

    Returns:
        A number, or nested lists; ``None`` for NaN and infinity, which JSON lacks.
    """
    if np.ndim(values):
        return [rounded(v) for v in np.asarray(values)]
    return round(float(values), 4) if np.isfinite(values) else None
