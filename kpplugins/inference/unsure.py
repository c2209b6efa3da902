"""How far off a model's keypoints may be."""

from typing import Any

import numpy as np

from kpplugins.structures import UncertaintyCalibration


def unsure(
    calibration: UncertaintyCalibration | None, scores: np.ndarray, boxes: np.ndarray
) -> dict[str, Any]:
    """Return the fields of a ``PoseResult`` about uncertainty.

    Args:
        calibration: of the run, if it has one.
        scores: (N, K).
        boxes: (N, 4) xyxy pixels, found or given.

    Returns:
        ``sigmas`` and ``radii``; nothing without a calibration.
    """
    if calibration is None:
        return {}
    sigmas = calibration.sigmas(scores, boxes)
    return {"sigmas": sigmas, "radii": calibration.radius() * sigmas}
