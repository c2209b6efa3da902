"""Visibility: which true states are known, and how well they are predicted."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from kpplugins.structures import VisibilityCalibration
from kpplugins.structures.visibility.visibility_calibration import (
    ABSENT,
    OCCLUDED,
    OF_HEAD,
    OF_SCORES,
    VISIBLE,
)

if TYPE_CHECKING:
    from kpplugins.evaluation.evaluation_result import EvaluationResult

CHANCE = 0.01
"""Probability below which it is no chance that a keypoint is labelled nowhere in a folder."""
BINS = 10
"""Bins of equal width of the expected calibration error."""


def known_states(visibility: np.ndarray, images: Sequence[str], categories: Sequence[str]) -> np.ndarray:
    """Tell where the state of a keypoint is known: where it is labelled, or absent and not merely unlabelled.

    A keypoint without a label is taken as absent if its instance has another label, unless it is never labelled in
    its category, or in its category's images in one folder, where that is no chance. So a keypoint that a category does
    not have, or that one of several merged sources does not label, is unknown.

    Args:
        visibility: (N, K), 0 without a label.
        images: N image paths.
        categories: N names.

    Returns:
        (N, K) boolean.
    """
    labelled = visibility > 0
    kinds: dict[str, list[int]] = defaultdict(list)
    folders: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, (image, category) in enumerate(zip(images, categories, strict=True)):
        kinds[category].append(i)
        folders[category, str(PurePath(image).parent)].append(i)
    known = labelled.copy()
    for (category, _), rows in folders.items():
        own, everywhere = labelled[rows].sum(axis=0), labelled[kinds[category]].sum(axis=0)
        elsewhere = (everywhere - own) / max(len(kinds[category]) - len(rows), 1)
        chance = (1 - elsewhere) ** len(rows) >= CHANCE
        used = (own > 0) | ((everywhere > 0) & chance)
        known[rows] |= used & labelled[rows].any(axis=1, keepdims=True)
    return known


def true_states(visibility: np.ndarray) -> np.ndarray:
    """Return the states that labels mean: some files mark what is visible by 1, and nothing by 2.

    Args:
        visibility: (N, K), 0 without a label.

    Returns:
        (N, K), 0 absent, 1 occluded, 2 visible.
    """
    return visibility if (visibility == VISIBLE).any() else np.where(visibility > 0, VISIBLE, ABSENT)


def head_visibility(found: Mapping[str, Any]) -> np.ndarray | None:
    """Return the visibility that a model's head predicts itself.

    MMPose puts the scores in its place where the head predicts none.

    Args:
        found: ``pred_instances``, with ``keypoint_scores`` and perhaps ``keypoints_visible``, (N, K).

    Returns:
        (N, K) float64; ``None`` if there is none.
    """
    own = found.get("keypoints_visible")
    if own is None:
        return None
    own, scores = (_array(value) for value in (own, found["keypoint_scores"]))
    own = (
        own.reshape(scores.shape) if own.size == scores.size else own[..., 0]
    )  # (N, K, 1), or (N, K, 2) with weights
    return None if np.array_equal(own, scores) else own


def calibrated(result: "EvaluationResult") -> VisibilityCalibration | str:
    """Learn from a test what scores say about visibility.

    Args:
        result: of a split that is not trained on.

    Returns:
        The calibration, or why there is none.
    """
    own = result.predicted_visibility
    scores, of = (result.scores, OF_SCORES) if own is None else (own, OF_HEAD)
    states = true_states(result.visibility)
    return VisibilityCalibration.fit(result.schema.keypoints, scores, states, result.known, of)


def visibility_numbers(result: "EvaluationResult", calibration: VisibilityCalibration) -> dict[str, Any]:
    """Measure how well visibility is predicted.

    Args:
        result: of a test.
        calibration: of the run.

    Returns:
        Over all keypoints whose state is known: ``absent``, ``occluded`` and ``visible``, how many there are;
        ``precision`` and ``recall`` of the answer "visible"; if there are occluded ones, those of the answer "there"
        as ``there_precision`` and ``there_recall``; ``ECE``, the expected calibration error of the probabilities (Guo
        et al., ICML 2017), in ten bins; ``ECE_of_scores``, that of the scores themselves if they are from 0 to 1. Then
        ``per_keypoint``, a list with ``keypoint``, ``threshold`` and the same. Where nothing is to be counted it is
        NaN.
    """
    own = result.predicted_visibility
    scores = result.scores if own is None or calibration.of == OF_SCORES else own
    everything = (
        true_states(result.visibility),
        result.known,
        scores,
        calibration.probabilities(scores),
        calibration.states(scores),
    )
    per_keypoint = [
        {"keypoint": name, "threshold": float(threshold), **_numbers(*(a[:, k] for a in everything))}
        for k, (name, threshold) in enumerate(zip(calibration.keypoints, calibration.thresholds, strict=True))
    ]
    return {**_numbers(*everything), "per_keypoint": per_keypoint}


def calibration_error(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Compute the expected calibration error: |mean probability - share of true| of each bin, weighted by its size.

    Args:
        probabilities: (n,), 0 to 1.
        truth: (n,) boolean.

    Returns:
        0 to 1; NaN without samples.
    """
    if not len(probabilities):
        return float("nan")
    bins = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, weights=probabilities - truth, minlength=BINS)
    return float(np.abs(gaps).sum() / len(probabilities))


def _numbers(
    visibility: np.ndarray, known: np.ndarray, scores: np.ndarray, p: np.ndarray, states: np.ndarray
) -> dict[str, float | int]:
    visibility, scores, p, states = (values[known] for values in (visibility, scores, p, states))
    counts = {
        name: int((visibility == v).sum())
        for name, v in (("absent", ABSENT), ("occluded", OCCLUDED), ("visible", VISIBLE))
    }
    visible = visibility == VISIBLE
    numbers: dict[str, float | int] = {**counts, **_rates("", states == VISIBLE, visible)}
    if counts["occluded"]:
        numbers |= _rates("there_", states != ABSENT, visibility != ABSENT)
    numbers["ECE"] = calibration_error(p, visible)
    if len(scores) and 0 <= scores.min() <= scores.max() <= 1:
        numbers["ECE_of_scores"] = calibration_error(scores, visible)
    return numbers


def _rates(prefix: str, yes: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    hits = float((yes & truth).sum())
    pairs = (("precision", yes.sum()), ("recall", truth.sum()))
    return {prefix + name: hits / float(n) if n else float("nan") for name, n in pairs}


def _array(value: Any) -> np.ndarray:
    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value, np.float64)
