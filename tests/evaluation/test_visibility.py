"""Which states are known, and how well they are predicted."""

import numpy as np
import pytest

from kpplugins.evaluation.detection_result import DetectionResult
from kpplugins.evaluation.evaluation_result import EvaluationResult
from kpplugins.evaluation.scene import Scene
from kpplugins.evaluation.visibility import (
    calibrated,
    calibration_error,
    head_visibility,
    known_states,
    true_states,
    visibility_numbers,
)
from kpplugins.schema import KeypointSchema
from kpplugins.structures import VisibilityCalibration

SCHEMA = KeypointSchema("cat", ("ear", "tail"))


def result_of(visibility: np.ndarray, scores: np.ndarray, **more: object) -> EvaluationResult:
    n = len(visibility)
    given: dict = {
        "schema": SCHEMA,
        "images": [f"images/{i}.png" for i in range(n)],
        "categories": ["cat"] * n,
        "image_ids": np.arange(n),
        "sizes": np.full((n, 2), 50),
        "truth": np.zeros((n, 2, 2)),
        "visibility": visibility,
        "predicted": np.zeros((n, 2, 2)),
        "scores": scores,
        "box_scores": np.ones(n),
        "boxes": np.tile([0.0, 0, 9, 9], (n, 1)),
        "areas": np.ones(n),
        "interocular": None,
    }
    return EvaluationResult(**{**given, **more})


def test_a_keypoint_that_is_never_labelled_is_unknown_and_an_unlabelled_instance_says_nothing():
    visibility = np.array([[2, 0, 0], [0, 2, 0], [0, 0, 0]])
    assert known_states(visibility, ["a.png"] * 3, ["cat"] * 3).tolist() == [
        [True, True, False],
        [True, True, False],
        [False, False, False],
    ]


def test_keypoints_of_another_category_are_unknown():
    visibility = np.array([[2, 2, 0, 0], [2, 0, 0, 0], [0, 0, 2, 2], [0, 0, 0, 2]])
    known = known_states(visibility, ["a.png"] * 4, ["cup", "cup", "plate", "plate"])
    assert known.tolist() == [[True, True, False, False]] * 2 + [[False, False, True, True]] * 2


def test_what_one_of_two_merged_sources_does_not_label_is_unknown_but_chance_is_not():
    """Ten instances of each source; the second never labels the tail. A folder of one instance proves nothing."""
    visibility = np.full((21, 2), 2)
    visibility[10:, 1] = 0
    visibility[:3, 1] = 0  # absent in the first
    images = ["m/first/a.png"] * 10 + ["m/second/a.png"] * 10 + ["m/alone/a.png"]
    known = known_states(visibility, images, ["cat"] * 21)
    assert known[:, 0].all()
    assert known[:, 1].tolist() == [True] * 10 + [False] * 10 + [True]


def test_files_that_mark_the_visible_by_one():
    assert true_states(np.array([[0, 1], [1, 1]])).tolist() == [[0, 2], [2, 2]]
    assert true_states(np.array([[0, 1], [1, 2]])).tolist() == [[0, 1], [1, 2]]


def test_a_heads_own_visibility_is_taken_unless_it_is_the_score():
    scores = np.array([[0.5, 0.75]])
    assert head_visibility({"keypoint_scores": scores}) is None
    assert head_visibility({"keypoint_scores": scores, "keypoints_visible": scores.copy()}) is None
    own = np.array([[0.25, 1.0]])
    for shape in ((1, 2), (1, 2, 1)):
        given = {"keypoint_scores": scores, "keypoints_visible": own.reshape(shape)}
        assert head_visibility(given).tolist() == own.tolist()


def test_the_calibration_error_by_hand():
    # bin 0.2 to 0.3: two of mean 0.25, none true; bin 0.9 to 1: two of mean 0.95, one true
    p, truth = np.array([0.2, 0.3 - 1e-9, 0.9, 1.0]), np.array([False, False, True, False])
    assert calibration_error(p, truth) == pytest.approx((2 * 0.25 + 2 * 0.45) / 4)
    assert np.isnan(calibration_error(np.zeros(0), np.zeros(0, bool)))


def draw(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Visibilities, and scores far from the probabilities."""
    rng = np.random.default_rng(seed)
    visibility = rng.choice([0, 1, 2], p=[0.2, 0.2, 0.6], size=(n, 2))
    visibility[visibility.max(axis=1) == 0, 0] = 2
    return visibility, np.clip(0.1 + 0.15 * visibility + rng.normal(0, 0.12, (n, 2)), 0, 1)


def test_probabilities_are_right_on_other_data():
    found = calibrated(result_of(*draw(1500, 0)))
    assert isinstance(found, VisibilityCalibration)
    numbers = visibility_numbers(result_of(*draw(1500, 1)), found)
    assert numbers["ECE"] < 0.04 < 0.25 < numbers["ECE_of_scores"]
    assert numbers["precision"] > 0.75 and numbers["recall"] > 0.75
    assert numbers["there_precision"] > 0.85 and numbers["there_recall"] > 0.85
    assert [row["keypoint"] for row in numbers["per_keypoint"]] == ["ear", "tail"]
    assert sum(row["visible"] for row in numbers["per_keypoint"]) == numbers["visible"]


def test_precision_and_recall_by_hand():
    visibility, scores = np.tile([[2, 0]], (40, 1)), np.tile([[0.9, 0.1]], (40, 1))
    visibility[:3], scores[3:5] = [0, 2], [[0.1, 0.9]]  # three swapped labels, two swapped predictions
    model = calibrated(
        result_of(np.tile([[2, 0], [0, 2]], (40, 1)), np.tile([[0.9, 0.1], [0.1, 0.9]], (40, 1)))
    )
    numbers = visibility_numbers(result_of(visibility, scores), model)
    assert (numbers["absent"], numbers["occluded"], numbers["visible"]) == (40, 0, 40)
    assert numbers["precision"] == numbers["recall"] == pytest.approx(35 / 40)
    assert "there_recall" not in numbers
    ear = numbers["per_keypoint"][0]  # 37 visible, 38 called so, 35 of them rightly
    assert (ear["precision"], ear["recall"]) == (pytest.approx(35 / 38), pytest.approx(35 / 37))


def test_unlabelled_is_not_absent_where_nobody_looked():
    visibility = np.tile([[2, 0], [2, 2]], (40, 1))
    scores = np.where(visibility > 0, 0.9, 0.1)
    assert isinstance(calibrated(result_of(visibility, scores)), VisibilityCalibration)
    said = calibrated(result_of(visibility, scores, unlabelled_is_absent=False))
    assert "0 are absent" in said and "40 without a label may be either" in said


def test_a_heads_own_word_is_calibrated_instead_of_the_scores():
    visibility, own = draw(400, 0)
    nonsense = np.full(own.shape, 0.5)
    found = calibrated(result_of(visibility, nonsense, predicted_visibility=own))
    assert found.of == "visibility that the head predicts"
    assert found == calibrated(result_of(visibility, own)).__class__(**{**found.__dict__})
    numbers = visibility_numbers(result_of(visibility, nonsense, predicted_visibility=own), found)
    assert numbers["recall"] > 0.75


def scene(visibility: list[int], found: bool, own: bool = False) -> Scene:
    box = np.array([[10.0, 10, 20, 20]])
    count = int(found)
    return Scene(
        image="images/a.png", image_id=1, size=(50, 50), true_classes=np.zeros(1, int), true_boxes=box,
        areas=np.ones(1), crowd=np.zeros(1, bool), truth=np.zeros((1, 2, 2)), visibility=np.array([visibility]),
        classes=np.zeros(count, int), boxes=np.array([[10.0, 10, 30, 30]])[:count], box_scores=np.ones(count),
        points=np.zeros((count, 2, 2)), point_scores=np.array([[0.9, 0.4]])[:count], scores=np.ones(count),
        point_visibility=np.array([[0.7, 0.3]])[:count] if own else None,
    )  # fmt: skip


def test_an_instance_that_is_missed_says_nothing_about_scores():
    scenes = [scene([2, 0], True, own=True), scene([0, 2], False), scene([2, 2], True)]
    result = DetectionResult.of(scenes, ["cat"], SCHEMA, None)
    assert result.known.tolist() == [[True, True], [False, False], [True, True]]
    assert result.predicted_visibility.tolist() == [[0.7, 0.3], [0, 0], [0, 0]]
    assert scenes[0].of_class(0).point_visibility.tolist() == [[0.7, 0.3]]
    assert not DetectionResult.of(scenes, ["cat"], SCHEMA, None, False).known[0, 1]
