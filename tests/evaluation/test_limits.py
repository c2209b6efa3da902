"""Where the error of a test comes from, by hand."""

import dataclasses

import numpy as np
import pytest

from kpplugins.evaluation import EvaluationResult
from kpplugins.evaluation.limits import limits_in_words, limits_of
from kpplugins.schema import KeypointSchema

SCHEMA = KeypointSchema("tube", ("head", "middle", "tail"))
TRUTH = np.array([[10.0, 50], [50, 50], [90, 50]])


def result(*offsets: np.ndarray | None, corners: tuple[float, ...] = ()) -> EvaluationResult:
    """Instances of 100×100, one beside the other in one image, with the given offsets; ``None`` is missed."""
    n = len(offsets)
    truth = np.array([TRUTH + (corner, 0) for corner in corners or np.arange(n) * 200.0])
    predicted = np.array(
        [np.full((3, 2), np.nan) if o is None else t + o for t, o in zip(truth, offsets, strict=True)]
    )
    left = truth[:, 0, 0] - 10
    return EvaluationResult(
        schema=SCHEMA, images=["a.jpg"] * n, categories=["tube"] * n, image_ids=np.ones(n, int),
        sizes=np.full((n, 2), 1000), truth=truth, visibility=np.full((n, 3), 2), predicted=predicted,
        scores=np.ones((n, 3)), box_scores=np.ones(n),
        boxes=np.stack([left, np.zeros(n), left + 100, np.full(n, 100.0)], axis=1), areas=np.full(n, 1e4),
        interocular=None,
    )  # fmt: skip


def off(**moves: tuple[float, float]) -> np.ndarray:
    """Offsets of the keypoints by name."""
    return np.array([moves.get(name, (0.0, 0.0)) for name in SCHEMA.keypoints])


def test_an_exact_model_has_nothing_to_say():
    limits = limits_of(result(off(), off()))
    assert (limits["missed"], limits["far"], limits["confused"], limits["other_instance"]) == (0, 0, 0, 0)
    assert limits["error"] == 0 and limits["worst_tenth"] is None and limits["most_confused"] is None
    assert limits_in_words(limits) == []


def test_head_and_tail_exchanged_are_confused():
    """Both ends of the second tube are found at the other one, and no keypoint of another tube is near."""
    limits = limits_of(result(off(), off(head=(79, 0), tail=(-81, 0)), off(tail=(20, 0))))
    assert limits["far"] == pytest.approx(3 / 9) and limits["confused"] == pytest.approx(2 / 9)
    assert limits["most_confused"] == ["head", "tail", 1] and limits["other_instance"] == 0
    assert limits["shift"] == pytest.approx([(79 - 81 + 20) / 9, 0], abs=1e-3)
    words = " ".join(limits_in_words(limits))
    assert "22.2% are found at another keypoint of the instance, most often head at tail (1 times)" in words


def test_a_keypoint_of_the_neighbour_is_another_instance():
    limits = limits_of(result(off(tail=(120, 1)), off()))  # the head of the second is 120 px to the right
    assert limits["other_instance"] == pytest.approx(1 / 6) and limits["confused"] == 0
    assert limits["worst_tenth"] == 1


def test_what_is_missed_counts_as_missed_alone():
    limits = limits_of(result(off(head=(2, 0)), None))
    assert limits["missed"] == 0.5 and limits["far"] == 0 and limits["error"] == pytest.approx(0.02 / 3)
    assert limits_in_words(limits)[0] == "50.0% of the instances are missed."
    assert limits_of(result(None))["error"] is None


def test_small_boxes_with_larger_errors_are_named():
    one = result(off(), off(), off(), off(head=(3, 0)))
    boxes = one.boxes.copy()
    boxes[3, 2:] = boxes[3, :2] + 30
    limits = limits_of(dataclasses.replace(one, boxes=boxes))
    assert limits["small_error"] == pytest.approx(0.1 / 3) and limits["error"] == pytest.approx(0.1 / 12)
    assert "In the smallest quarter of the boxes the error is 4.0 times the mean." in limits_in_words(limits)
