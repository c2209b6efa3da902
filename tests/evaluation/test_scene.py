"""An image's arrays, and what is wrong with a faulty one."""

import copy

import numpy as np
import pytest
import torch

from kpplugins.evaluation.scene import Scene
from kpplugins.structures import BadInputError


def sample() -> dict:
    """Two truths (the second a crowd) and two predictions of two points, in an image of 100×80."""
    first = {"id": 7, "image_id": 3, "category_id": 1, "category": "dog", "iscrowd": 0, "area": 50.0}
    first |= {"bbox": [10, 20, 10, 10], "keypoints": [11, 21, 2, 0, 0, 0], "num_keypoints": 0}
    second = {**first, "id": 8, "category": "cat", "iscrowd": 1, "keypoints": [0] * 6, "num_keypoints": 2}
    found = {
        "bboxes": torch.tensor([[10.0, 20, 20, 30], [0, 0, 5, 5]]),
        "bbox_scores": np.array([0.5, 0.25], np.float32),
        "labels": torch.tensor([1, 0]),
        "keypoints": np.arange(8.0).reshape(2, 2, 2),
        "keypoint_scores": torch.tensor([[0.9, 0.1], [0.4, 0.6]]),
    }
    return {
        "pred_instances": found, "raw_ann_info": [first, second], "img_id": 3, "img_path": "a/b.jpg",
        "ori_shape": (80, 100),
    }  # fmt: skip


CLASSES = ["cat", "dog"]


def test_truth_and_predictions_as_arrays():
    scene = Scene.from_sample(sample(), CLASSES, 2)
    assert (scene.image, scene.image_id, scene.size) == ("a/b.jpg", 3, (100, 80))
    assert scene.true_classes.tolist() == [1, 0]  # by name, not by category_id
    assert scene.true_boxes.tolist() == [[10, 20, 10, 10]] * 2
    # counted from the visibilities, not from num_keypoints
    assert scene.labelled.tolist() == [[True, False], [False, False]]
    assert scene.counted.tolist() == [True, False]
    assert scene.crowd.tolist() == [False, True]
    assert scene.truth[0].tolist() == [[11, 21], [0, 0]]
    assert scene.classes.tolist() == [1, 0]
    assert scene.boxes.dtype == np.float64
    assert scene.scores.tolist() == scene.box_scores.tolist() == [0.5, 0.25]


def test_keypoints_ranked_by_box_times_points():
    scene = Scene.from_sample(sample(), CLASSES, 2, "box_times_points")
    # 0.5 · 0.9 (0.1 is not above 0.2) and 0.25 · (0.4 + 0.6) / 2
    assert scene.scores == pytest.approx([0.45, 0.125])


def test_only_without_a_name_does_the_number_count():
    given = sample()
    for annotation in given["raw_ann_info"]:
        del annotation["category"]
    assert Scene.from_sample(given, CLASSES, 2).true_classes.tolist() == [0, 0]


def test_a_image_without_anything():
    given = sample() | {"raw_ann_info": []}
    given["pred_instances"] = dict.fromkeys(given["pred_instances"], np.zeros(0))
    scene = Scene.from_sample(given, CLASSES, 2)
    assert scene.points.shape == scene.truth.shape == (0, 2, 2)
    assert scene.boxes.shape == scene.true_boxes.shape == (0, 4)
    assert scene.of_class(1).points.shape == (0, 2, 2)


def test_one_class_of_it():
    scene = Scene.from_sample(sample(), CLASSES, 2).of_class(1)
    assert scene.true_classes.tolist() == scene.classes.tolist() == [1]
    assert scene.scores.tolist() == [0.5]


PREDICTED = {
    "NaN": ("keypoints", np.full((2, 2, 2), np.nan), "not finite"),
    "infinite": ("bbox_scores", np.array([1.0, np.inf]), "not finite"),
    "another K": ("keypoints", np.zeros((2, 3, 2)), r"expected \(2, 2, 2\); found \(2, 3, 2\)"),
    "another shape": ("bboxes", np.zeros((2, 5)), "another shape"),
    "another number": ("labels", np.zeros(3), "another shape"),
    "no row": ("labels", np.zeros(0), "another shape"),
    "label too high": ("labels", np.array([0, 2]), "label without a name.*found 2"),
    "label negative": ("labels", np.array([0, -1]), "label without a name"),
}


@pytest.mark.parametrize("name", PREDICTED)
def test_a_faulty_prediction_names_its_image(name: str):
    field, value, words = PREDICTED[name]
    given = sample()
    given["pred_instances"][field] = value
    with pytest.raises(BadInputError, match=words) as error:
        Scene.from_sample(given, CLASSES, 2)
    assert "a/b.jpg" in str(error.value)


@pytest.mark.parametrize("field", list(sample()["pred_instances"]))
def test_a_prediction_that_lacks_a_field(field: str):
    given = sample()
    del given["pred_instances"][field]
    with pytest.raises(BadInputError, match=f"a/b.jpg: predictions without `{field}`"):
        Scene.from_sample(given, CLASSES, 2)


TRUE = {
    "class": ({"category": "horse"}, "class without a name.*'horse'"),
    "number": ({"category": None, "category_id": 3}, "class without a name.*category_id 3"),
    "K": ({"keypoints": [1, 2, 2]}, "expected 6 numbers; found 3"),
    "NaN point": ({"keypoints": [np.nan, 2, 2, 0, 0, 0]}, "not finite"),
    "NaN box": ({"bbox": [np.nan, 2, 2, 0]}, "not finite"),
    "infinite area": ({"area": np.inf}, "not finite"),
    "no area": ({"area": None}, "has no `area`"),
    "no points": ({"keypoints": None}, "has no `keypoints`"),
}


@pytest.mark.parametrize("name", TRUE)
def test_a_faulty_truth_names_its_image(name: str):
    change, words = TRUE[name]
    given = copy.deepcopy(sample())
    given["raw_ann_info"][1] |= change
    with pytest.raises(BadInputError, match=words) as error:
        Scene.from_sample(given, CLASSES, 2)
    assert "a/b.jpg" in str(error.value) and "annotation 8" in str(error.value)


def test_one_annotation_for_a_list_points_to_the_datasets_mode():
    given = sample()
    given["raw_ann_info"] = given["raw_ann_info"][0]
    with pytest.raises(BadInputError, match='data_mode="bottomup"'):
        Scene.from_sample(given, CLASSES, 2)
