"""Uncertainty: learnt from a validation, and how well it holds in a test."""

from typing import TYPE_CHECKING, Any

import numpy as np

from kpplugins.structures import UncertaintyCalibration
from kpplugins.structures.uncertainty.uncertainty_calibration import LEVEL, LEVELS, sizes_of

if TYPE_CHECKING:
    from kpplugins.evaluation.evaluation_result import EvaluationResult

KEPT = (1.0, 0.95, 0.9, 0.8, 0.5)
"""Shares of the keypoints, the surest ones, whose error is measured."""
BINS = 10
"""Bins with as many keypoints each of the reliability diagram."""


def uncertainty_of(result: "EvaluationResult") -> UncertaintyCalibration | str:
    """Learn from a test how far off keypoints are.

    Args:
        result: of a split that is not trained on.

    Returns:
        The calibration, or why there is none.
    """
    return UncertaintyCalibration.fit(
        result.schema.keypoints, result.scores, result.distance, sizes_of(_boxes(result))
    )


def uncertainty_numbers(result: "EvaluationResult", calibration: UncertaintyCalibration) -> dict[str, Any]:
    """Measure how well the uncertainty of a run holds, over the labelled keypoints that were found.

    Args:
        result: of a test.
        calibration: of the run.

    Returns:
        ``keypoints``, how many; ``coverage``, a list with ``level``, ``found`` (the share of the keypoints that are
        within the radius of that level) and ``radius`` (its mean, pixels); ``reliability``, a list of bins by σ with
        ``sigma`` (pixels, the root of the mean square), ``found`` (the root of half the mean square of the distances)
        and ``keypoints``; ``kept``, a list with ``share`` of the keypoints, those of the least σ, and their ``EPE``;
        ``per_keypoint``, a list with ``keypoint``, ``radius`` of level 0.9 (mean, pixels) and ``found``. Empty lists
        where nothing was found.
    """
    sigmas = calibration.sigmas(result.scores, _boxes(result))
    known = ~np.isnan(result.distance) & ~np.isnan(sigmas)
    distances, own = result.distance[known], sigmas[known]
    order = np.argsort(own, kind="stable")
    bins = [b for b in np.array_split(order, BINS) if len(b)]
    everything = len(order) > 0
    radius = calibration.radius(LEVEL)
    return {
        "keypoints": len(order),
        "coverage": [
            {
                "level": level,
                "found": float((distances <= calibration.radius(level) * own).mean()),
                "radius": float((calibration.radius(level) * own).mean()),
            }
            for level in LEVELS
            if everything
        ],
        "reliability": [
            {
                "sigma": float(np.sqrt(np.mean(own[b] ** 2))),
                "found": float(np.sqrt(np.mean(distances[b] ** 2) / 2)),
                "keypoints": len(b),
            }
            for b in bins
        ],
        "kept": [
            {"share": share, "EPE": float(distances[order[: max(1, round(share * len(order)))]].mean())}
            for share in KEPT
            if everything
        ],
        "per_keypoint": [
            {
                "keypoint": name,
                "radius": float((radius * sigmas[rows, k]).mean()),
                "found": float((result.distance[rows, k] <= radius * sigmas[rows, k]).mean()),
            }
            for k, name in enumerate(calibration.keypoints)
            if (rows := known[:, k]).any()
        ],
    }


def _boxes(result: "EvaluationResult") -> np.ndarray:
    """Return the boxes that prediction has: those found, or those given."""
    return result.boxes if result.found_boxes is None else result.found_boxes
