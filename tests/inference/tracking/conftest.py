"""Results of a video, made by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from kpplugins.inference.pose_result import PoseResult
from kpplugins.schema import KeypointSchema

SCHEMA = KeypointSchema("mouse", ("nose", "tail"))


@pytest.fixture
def result_of() -> Callable[..., PoseResult]:
    """A result with instances at some upper left corners, 20 pixels wide and high; with their scores."""

    def make(*corners: tuple[float, float], scores: tuple[float, ...] = ()) -> PoseResult:
        at = np.array(corners, float).reshape(-1, 2)
        points = np.stack([at + 5, at + 15], 1) if len(at) else np.zeros((0, 2, 2))
        sure = np.array(scores or [0.9] * len(at))
        return PoseResult(points, np.repeat(sure[:, None], 2, 1), np.concatenate([at, at + 20], 1), SCHEMA)

    return make
