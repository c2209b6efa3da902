"""How well uncertainty holds, by hand."""

from typing import Any

import numpy as np
import pytest

from kpplugins.evaluation import EvaluationResult
from kpplugins.evaluation.uncertainty import uncertainty_numbers, uncertainty_of
from kpplugins.schema import KeypointSchema
from kpplugins.structures import UncertaintyCalibration

TWO = UncertaintyCalibration(
    ("ear", "tail"), 10, 20, (0.0, 1.0), (0.2, 0.1), (1.0, 2.0), (1.0, 2.0, 3.0, 4.0)
)  # σ of 10 px boxes: 2 to 1 px, twice as much for the tail


def result_of(errors: Any, scores: Any, visibility: Any = None) -> EvaluationResult:
    """Instances in boxes of 10×10 whose keypoints are found too far to the right."""
    errors, scores = np.array(errors, float), np.array(scores, float)
    n = len(errors)
    predicted = np.stack([errors, np.zeros_like(errors)], axis=-1)
    return EvaluationResult(
        schema=KeypointSchema("cat", ("ear", "tail")), images=["a.png"] * n, categories=["cat"] * n,
        image_ids=np.arange(n), sizes=np.full((n, 2), 50), truth=np.zeros((n, 2, 2)),
        visibility=np.full((n, 2), 2) if visibility is None else np.array(visibility), predicted=predicted,
        scores=scores, box_scores=np.ones(n), boxes=np.tile([0, 0, 10, 10], (n, 1)), areas=np.full(n, 100.0),
        interocular=None,
    )  # fmt: skip


def test_the_numbers_of_four_keypoints():
    """σ is 1 and 2 px where the score is 1, 2 and 4 px where it is 0; the radii are 1, 2, 3 and 4 σ."""
    found = uncertainty_numbers(result_of([[0.5, 3], [7, 20]], [[1, 1], [0, 0]]), TWO)
    assert found["keypoints"] == 4
    assert [row["found"] for row in found["coverage"]] == [0.25, 0.5, 0.5, 0.75]
    assert [row["radius"] for row in found["coverage"]] == [2.25, 4.5, 6.75, 9.0]
    kept = {row["share"]: row["EPE"] for row in found["kept"]}
    assert kept[1.0] == pytest.approx(30.5 / 4) and kept[0.5] in (
        1.75,
        3.75,
    )  # of the two σ = 2 the first is kept
    assert [row["found"] for row in found["per_keypoint"]] == [0.5, 0.5]
    assert [row["radius"] for row in found["per_keypoint"]] == [4.5, 9.0]
    first = found["reliability"][0]
    assert (first["sigma"], first["found"], first["keypoints"]) == (1.0, pytest.approx(0.5 / np.sqrt(2)), 1)


def test_what_has_no_label_is_left_out_and_nothing_is_no_error():
    found = uncertainty_numbers(result_of([[0.5, 3]], [[1, 1]], [[2, 0]]), TWO)
    assert found["keypoints"] == 1 and [row["keypoint"] for row in found["per_keypoint"]] == ["ear"]
    nothing = uncertainty_numbers(result_of([[0.5, 3]], [[1, 1]], [[0, 0]]), TWO)
    assert (
        nothing["keypoints"] == 0 and nothing["coverage"] == nothing["kept"] == nothing["per_keypoint"] == []
    )


def test_it_is_learnt_from_a_result():
    rng = np.random.default_rng(0)
    learnt = uncertainty_of(result_of(np.abs(rng.normal(size=(60, 2))), rng.uniform(size=(60, 2))))
    assert isinstance(learnt, UncertaintyCalibration) and learnt.errors == 120
    assert isinstance(uncertainty_of(result_of([[0.5, 3]], [[1, 1]])), str)
