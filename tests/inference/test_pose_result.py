import json
from dataclasses import replace

import numpy as np

from kpplugins.inference.pose_result import PoseResult
from kpplugins.schema import KeypointSchema

SCHEMA = KeypointSchema("cat", ("eye", "nose"))


def test_json_has_x_y_score_by_name():
    result = PoseResult(
        keypoints=np.array([[[1.234, 5.0], [7.0, 8.0]]]),
        scores=np.array([[0.9, 0.5]]),
        boxes=np.array([[0.0, 1.0, 20.0, 30.0]]),
        schema=SCHEMA,
        source="a.jpg",
        image_size=(40, 50),
    )
    content = json.loads(json.dumps(result.to_dict()))
    assert content["keypoint_names"] == ["eye", "nose"]
    assert content["instances"] == [
        {"bbox": [0.0, 1.0, 20.0, 30.0], "score": 0.7, "keypoints": [[1.23, 5.0, 0.9], [7.0, 8.0, 0.5]]}
    ]


def test_found_boxes_bring_their_score_and_category():
    result = PoseResult(
        keypoints=np.zeros((1, 2, 2)),
        scores=np.array([[0.9, 0.5]]),
        boxes=np.array([[0.0, 1.0, 20.0, 30.0]]),
        schema=SCHEMA,
        source="a.jpg",
        image_size=(40, 50),
        box_scores=np.array([0.25]),
        categories=("cat",),
    )
    (instance,) = result.to_dict()["instances"]
    assert instance["score"] == 0.25 and instance["category"] == "cat"


def answered() -> PoseResult:
    """One visible, one absent keypoint; the scores say the contrary."""
    return PoseResult(
        keypoints=np.array([[[20.0, 20.0], [60.0, 20.0]]]),
        scores=np.array([[0.1, 0.9]]),
        boxes=np.array([[0.0, 0.0, 79.0, 39.0]]),
        schema=SCHEMA,
        visibility=np.array([[0.81251, 0.2]]),
        states=np.array([[2, 0]]),
    )


def test_probabilities_and_answers_go_into_everything_that_is_written():
    result = answered()
    (instance,) = json.loads(json.dumps(result.to_dict()))["instances"]
    assert (instance["visibility"], instance["states"]) == ([0.813, 0.2], [2, 0])
    assert instance["keypoints"][1] == [60.0, 20.0, 0.9]  # it has its place in any case
    (row,) = json.loads(json.dumps(result.to_coco(7)))
    assert row["states"] == [2, 0] and row["keypoints"] == [20, 20, 0.1, 60, 20, 0.9]
    assert "states" not in replace(result, states=None).to_coco(7)[0]
    assert len(result.chosen([]).states) == 0 and len(PoseResult.joined([result, result], SCHEMA).states) == 2


def test_absent_keypoints_are_not_drawn_occluded_are_rings_and_a_threshold_asks_the_scores():
    black = np.zeros((40, 80, 3), np.uint8)

    def marks(result: PoseResult, score_thr: float | None = None) -> list[str]:
        """What is seen at the two places: nothing, a ring, or a filled circle."""
        drawn = result.draw(black, score_thr)
        found = []
        for x, y in result.keypoints[0].astype(int):
            part = drawn[y - 4 : y + 5, x - 4 : x + 5]
            found.append("filled" if drawn[y, x].any() else "ring" if part.any() else "nothing")
        return found

    result = answered()
    assert marks(result) == ["filled", "nothing"]
    assert marks(replace(result, states=np.array([[1, 2]]))) == ["ring", "filled"]
    assert marks(result, 0.5) == ["ring", "filled"]
    assert marks(replace(result, states=None)) == ["ring", "filled"]


def test_what_is_there_is_said_by_the_model_or_by_a_threshold():
    result = answered()
    assert result.there().tolist() == [[True, False]]
    assert result.there(0.5).tolist() == replace(result, states=None).there().tolist() == [[False, True]]
