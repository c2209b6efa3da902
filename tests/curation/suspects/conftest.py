"""Two hundred birds of five keypoints, and a model that finds each within a pixel or two."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kpplugins.curation.suspects.evidence import Evidence
from kpplugins.data import PoseRecord
from kpplugins.schema.from_names import infer_schema

BIRD = infer_schema("bird", ["beak", "left_wing", "right_wing", "left_foot", "right_foot"])
_PLACES = np.array([[50, 20], [20, 50], [80, 50], [35, 90], [65, 90]], float)
_BOX = np.array([10.0, 10, 90, 100])


@pytest.fixture
def birds() -> Callable[..., Evidence]:
    """Evidence of good labels, with changes: by instance, a function of its record that returns another one."""

    def made(
        changes: dict[int, Callable[[PoseRecord], PoseRecord]] | None = None, number: int = 200
    ) -> Evidence:
        generator = np.random.default_rng(0)
        records, predicted = [], []
        for i in range(number):
            points = _PLACES + generator.normal(0, 5, (1, 2)) + generator.normal(0, 1, (5, 2))
            predicted.append(points + generator.normal(0, 1, (5, 2)))
            keypoints = np.column_stack([points, np.full(5, 2.0)])
            path = Path(f"bird{i}.png")
            record = PoseRecord(
                path, 120, 120, keypoints, _BOX.copy(), 5000.0, Path("birds.json"), category="bird"
            )
            records.append((changes or {}).get(i, lambda r: r)(record))
        boxes = _BOX + generator.normal(0, 1, (number, 4))
        scores = generator.uniform(0.6, 0.9, (number, 5))
        still, derived = np.zeros((number, 5)), np.zeros(number, bool)
        return Evidence(
            BIRD,
            tuple(records),
            np.array(predicted),
            scores,
            still,
            boxes,
            derived,
            np.ones((number, 5), bool),
        )

    return made


@pytest.fixture
def moved() -> Callable[..., Callable[[PoseRecord], PoseRecord]]:
    """A change that sets keypoints to rows of x, y, visibility, or moves them."""

    def change(keypoints: Callable[[np.ndarray], np.ndarray]) -> Callable[[PoseRecord], PoseRecord]:
        return lambda record: replace(record, keypoints=keypoints(record.keypoints.copy()))

    return change
