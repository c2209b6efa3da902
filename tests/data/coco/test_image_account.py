"""What is empty, what nobody labelled, what was lost, and what is named twice are four things."""

import copy
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.data.annotation_set import UNLABELLED
from kpplugins.data.coco.image_account import MAYBE_NOT_EMPTY, NOTHING_SAID, says_nothing
from kpplugins.data.coco.reader import read_coco
from kpplugins.structures import BadInputError

NAMES = ("a.png", "b.png", "c.png", "d.png")
GOOD = {"category_id": 1, "bbox": [4, 4, 20, 20], "keypoints": [10, 10, 2, 20, 20, 2]}
EMPTY = {
    "category_id": 1,
    "bbox": [0, 0, 0, 0],
    "area": 0,
    "keypoints": [],
    "num_keypoints": 0,
    "segmentation": [],
}


def write(root: Path, annotations: dict[str, list[dict]], names: tuple[str, ...] = NAMES) -> Path:
    """``annotations`` by the name of the image; those of ``?`` do not say which image they are of."""
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    for name in set(names):
        (root / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / "images" / name), np.zeros((40, 60, 3), np.uint8))
    images = [{"id": i, "file_name": n, "width": 60, "height": 40} for i, n in enumerate(names, 1)]
    numbers = {n: i for i, n in enumerate(names, 1)}
    entries = [
        copy.deepcopy(a) | ({"image_id": numbers[n]} if n != "?" else {})
        for n, own in annotations.items()
        for a in own
    ]
    content = {"images": images, "annotations": [a | {"id": i} for i, a in enumerate(entries, 1)],
               "categories": [{"id": 1, "name": "cat", "keypoints": ["nose", "tail"]}]}  # fmt: skip
    (root / "annotations" / "all.json").write_text(json.dumps(content))
    return root


def test_an_annotation_that_says_nothing_makes_no_background(tmp_path: Path):
    reading = read_coco(write(tmp_path, {"a.png": [GOOD], "b.png": [EMPTY], "c.png": [EMPTY, GOOD]}))
    assert sorted(r.image.name for r in reading.records) == ["a.png", "c.png"]
    assert [b.path.name for b in reading.backgrounds] == ["d.png"]  # listed, and nothing was drawn
    assert reading.notes.counts == {NOTHING_SAID: 2, UNLABELLED: 1}


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (EMPTY, True),
        ({"bbox": [0, 0, 0, 0], "keypoints": [0] * 6}, True),
        ({"bbox": [], "keypoints": None}, True),
        ({}, True),
        ({"bbox": [5, 5, 0, 0], "keypoints": [7, 7, 0] * 2}, True),
        (GOOD, False),
        ({"bbox": [4, 4, 20, 20], "keypoints": []}, False),  # a box without keypoints
        ({"bbox": [0, 0, 0, 0], "keypoints": [1, 1, 2, 0, 0, 0]}, False),
        ({"bbox": [0, 0, 0, 0], "keypoints": [], "area": 30}, False),
        ({"bbox": [0, 0, 0, 0], "keypoints": [], "segmentation": [[1, 1, 5, 5, 1, 5]]}, False),
        ({"bbox": [4, 4, -2, 0], "keypoints": []}, False),
        ({"bbox": "none", "keypoints": []}, False),
        ({"bbox": None, "keypoints": ["x"] * 6}, False),
        ({"bbox": None, "keypoints": [0, 0]}, False),
    ],
    ids=str,
)
def test_what_says_nothing(annotation: dict, expected: bool):
    assert says_nothing(annotation) is expected


def test_an_image_that_lost_an_annotation_is_no_background(tmp_path: Path):
    bad = GOOD | {"keypoints": [1, 2, 7] * 2}
    write(tmp_path, {"a.png": [GOOD], "b.png": [bad], "c.png": [GOOD, bad]})
    with pytest.raises(BadInputError, match="visibility must be"):
        read_coco(tmp_path)
    reading = read_coco(tmp_path, skip_bad=True)
    assert [r.image.name for r in reading.records] == ["a.png"]
    assert [b.path.name for b in reading.backgrounds] == ["d.png"]


def test_a_bad_annotation_of_no_image_may_be_of_any_empty_one(tmp_path: Path):
    write(tmp_path, {"a.png": [GOOD], "?": [GOOD]})
    reading = read_coco(tmp_path, skip_bad=True)
    assert len(reading.records) == 1 and reading.backgrounds == []
    assert reading.notes.counts == {MAYBE_NOT_EMPTY: 3}


def test_two_entries_of_one_file_are_a_fault_and_neither_counts(tmp_path: Path):
    write(
        tmp_path,
        {"a.png": [GOOD], "b.png": [GOOD], "c.png": [GOOD]},
        ("a.png", "b.png", "c.png", "./c.png", "c.png"),
    )
    with pytest.raises(BadInputError, match=r"image 4: image is listed twice.*c\.png in image 3 too"):
        read_coco(tmp_path)
    reading = read_coco(tmp_path, skip_bad=True)
    assert sorted(r.image.name for r in reading.records) == ["a.png", "b.png"]
    assert reading.backgrounds == [] and len(reading.faults) == 2


def test_equal_names_in_different_folders_are_different_images(tmp_path: Path):
    write(tmp_path, {"x/a.png": [GOOD], "y/a.png": [GOOD]}, ("x/a.png", "y/a.png"))
    assert len({r.image for r in read_coco(tmp_path).records}) == 2
