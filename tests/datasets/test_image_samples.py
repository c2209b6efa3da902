from pathlib import Path

import numpy as np
import pytest

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.datasets.image_samples import small_images, whole_image
from kpplugins.structures import BadInputError


def record(image: str, box: tuple, category: str = "cup", crowd: bool = False, shown: int = 2) -> PoseRecord:
    """In an image of 100×60, with two points of one visibility."""
    points = np.array([[10.0, 20, shown], [30, 40, shown]])
    return PoseRecord(
        Path(image),
        100,
        60,
        points,
        np.array(box, float),
        77.0,
        Path("a.json"),
        category=category,
        crowd=crowd,
    )


def test_instances_go_with_their_images_whatever_their_order():
    records = [
        record("a", (0, 0, 9, 9)),
        record("b", (1, 1, 9, 9), "jug"),
        record("a", (2, 2, 9, 9), crowd=True),
    ]
    small, counts = small_images(records, [ImageInfo(Path("c"), 5, 5)], [1], ["jug", "cup"])
    a, b, c = (whole_image(s, 1, ["jug", "cup"]) for s in small)
    assert [s["img_path"] for s in (a, b, c)] == ["a", "b", "c"]
    assert [s["img_id"] for s in (a, b, c)] == [1, 2, 3]
    assert (a["id"], b["id"]) == ([1, 3], [2])
    assert (a["category_id"].tolist(), b["category_id"].tolist()) == ([2, 2], [1])
    assert a["iscrowd"].tolist() == [0, 1]
    assert a["keypoints"].tolist() == [[[30, 40]], [[30, 40]]]  # the second point was chosen
    assert a["raw_ann_info"][1] == {
        "id": 3, "image_id": 1, "category_id": 2, "category": "cup", "iscrowd": 1, "area": 77.0,
        "bbox": [2.0, 2.0, 7.0, 7.0], "keypoints": [30.0, 40.0, 2.0], "num_keypoints": 1,
    }  # fmt: skip
    assert c["raw_ann_info"] == []
    assert counts == {"crowd": 1, "unlabelled": 0}


def test_a_background_has_empty_arrays_of_the_same_kind():
    records = [record("a", (0, 0, 9, 9))]
    small, _ = small_images(records, [ImageInfo(Path("c"), 5, 5)], [0, 1], ["cup"])
    full, empty = (whole_image(s, 2, ["cup"]) for s in small)
    for key, value in full.items():
        if isinstance(value, np.ndarray):
            assert (empty[key].shape, empty[key].dtype) == ((0, *value.shape[1:]), value.dtype), key
            assert empty[key].flags.writeable


def test_what_is_not_learnt_is_counted():
    records = [
        record("a", (0, 0, 9, 9), crowd=True),
        record("a", (0, 0, 9, 9), shown=0),
        record("a", (0, 0, 9, 9)),
    ]
    _, counts = small_images(records, [], [0, 1], ["cup"])
    assert (counts["crowd"], counts["unlabelled"]) == (1, 1)


def test_a_category_without_a_name_stops():
    with pytest.raises(BadInputError, match="a.json: instance of 'object'.*expected one of cup, jug"):
        small_images([record("a", (0, 0, 9, 9), "object")], [], [0], ["cup", "jug"])
