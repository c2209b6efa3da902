import json

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
