"""What a model says about the visibility of its keypoints."""

from typing import Any

import numpy as np

from kpplugins.structures import VisibilityCalibration
from kpplugins.structures.visibility.visibility_calibration import ABSENT, OF_HEAD, VISIBLE

_EVEN = 0.5
"""Probability from which a keypoint counts as visible by a head whose word was never compared with labels."""


def seen(
    calibration: VisibilityCalibration | None, scores: np.ndarray, own: np.ndarray | None = None
) -> dict[str, Any]:
    """Return the fields of a ``PoseResult`` about visibility.

    Args:
        calibration: of the run, if it has one.
        scores: (N, K).
        own: (N, K) visibility that the head predicts itself, if it does.

    Returns:
        ``visibility`` and ``states``; nothing where nothing is known.
    """
    if calibration is not None:
        given = own if calibration.of == OF_HEAD else scores
        if given is not None:
            return {"visibility": calibration.probabilities(given), "states": calibration.states(given)}
    if own is None:
        return {}
    return {"visibility": np.clip(own, 0, 1), "states": np.where(own >= _EVEN, VISIBLE, ABSENT)}
