import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kpplugins.formats.animal_pose import is_animal_pose, read_animal_pose
from kpplugins.formats.open_source import open_source
from kpplugins.structures import BadInputError

NAMES = ["left_eye", "right_eye", "nose", "tailbase"]
DOG = {
    "supercategory": "animal",
    "id": 1,
    "name": "dog",
    "keypoints": NAMES,
    "skeleton": [[0, 2], [1, 2], [2, 3]],
}
CAT = DOG | {"id": 2, "name": "cat"}
POINTS = [[20, 30, 1], [40, 30, 1], [30, 40, 1], [0, 0, 0]]


def animal(**more: Any) -> dict[str, Any]:
    return {
        "image_id": 1,
        "bbox": [10, 20, 50, 60],
        "keypoints": POINTS,
        "num_keypoints": 3,
        "category_id": 1,
    } | more


def write(folder: Path, *animals: Any, **more: Any) -> Path:
    (folder / "images").mkdir(exist_ok=True)
    for name in ("a.jpg", "b.jpg", "empty.jpg"):
        cv2.imwrite(str(folder / "images" / name), np.zeros((80, 100, 3), np.uint8))
    images = {"1": "a.jpg", "2": "b.jpg", "3": "empty.jpg"}
    content = {"images": images, "annotations": list(animals), "categories": [DOG, CAT]} | more
    (folder / "keypoints.json").write_text(json.dumps(content, indent=1))
    return folder


def test_boxes_are_corners_and_lines_count_from_0(tmp_path: Path):
    found, reading = open_source(write(tmp_path, animal(), animal(image_id=2, category_id=2)))
    assert found.name == "animalpose"  # not COCO, which it resembles
    one, other = reading.records
    assert one.keypoints.tolist() == [[20, 30, 2], [40, 30, 2], [30, 40, 2], [0, 0, 0]]
    assert one.bbox.tolist() == [10, 20, 50, 60]
    assert (one.category, other.category, other.image.name) == ("dog", "cat", "b.jpg")
    assert reading.schema.flip_pairs == (("left_eye", "right_eye"),)
    assert reading.schema.skeleton == (("left_eye", "nose"), ("right_eye", "nose"), ("nose", "tailbase"))
    assert [p.path.name for p in reading.backgrounds] == ["empty.jpg"]


def test_with_a_2_anywhere_visibility_is_cocos(tmp_path: Path):
    reading = read_animal_pose(write(tmp_path, animal(), animal(keypoints=[[1, 2, 2], *POINTS[1:]])))
    assert reading.records[0].keypoints[:, 2].tolist() == [1, 1, 1, 0]


def test_the_order_of_the_file_does_not_matter(tmp_path: Path):
    write(tmp_path, animal())
    path = tmp_path / "keypoints.json"
    content = json.loads(path.read_text())
    many = {"annotations": [animal()] * 900, "images": content["images"], "categories": [DOG] * 200}
    path.write_text(json.dumps(many))
    assert path.read_text().index('"images"') > 65536 and is_animal_pose(tmp_path)


def test_categories_of_different_keypoints_and_odd_lines(tmp_path: Path):
    cup = {"id": 3, "name": "cup", "keypoints": ["handle"], "skeleton": [[0, 7]]}
    handle = animal(category_id=3, keypoints=[[30, 30, 1]])
    reading = read_animal_pose(write(tmp_path, animal(), handle, categories=[DOG, cup]))
    assert reading.schema.keypoints == (*NAMES, "handle")
    assert reading.category_keypoints == {"dog": tuple(NAMES), "cup": ("handle",)}
    assert reading.records[1].keypoints[4].tolist() == [30, 30, 2] and reading.records[1].num_labelled == 1


FAULTS = {
    "object": ("x", "annotation of an unknown image"),
    "image": (animal(image_id=9), "annotation of an unknown image.*'9'"),
    "category": (
        animal(image_id=2, category_id=9),
        r"category_id that has no name.*1 \(dog\) or 2 \(cat\).*9",
    ),
    "count": (animal(image_id=2, keypoints=POINTS[:2]), "number of keypoints differs.*4.*2"),
    "flat": (animal(image_id=2, keypoints=[1, 2, 3, 4]), r"keypoints\[0\] is wrong"),
    "visibility": (animal(image_id=2, keypoints=[[1, 2, 3], *POINTS[1:]]), "visibility must be"),
    "box": (animal(image_id=2, bbox=[50, 20, 10, 60]), "box has no area"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_bad_annotation_is_named_and_its_image_can_be_skipped(case: str, tmp_path: Path):
    bad, words = FAULTS[case]
    write(tmp_path, animal(), bad)
    with pytest.raises(BadInputError, match=rf"keypoints\.json: annotations\[1\]: .*{words}"):
        read_animal_pose(tmp_path)
    assert [r.image.name for r in read_animal_pose(tmp_path, skip_bad=True).records] == ["a.jpg"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"categories": []}, "no category"),
        ({"categories": [{"name": "x"}]}, r"categories\[0\]: keypoints is missing"),
        ({"images": {"1": "gone.jpg"}}, "images '1': image is missing"),
        ({"images": {"1": 5}}, "images '1': name is wrong"),
    ],
)
def test_a_broken_file_is_named(more: dict[str, Any], words: str, tmp_path: Path):
    with pytest.raises(BadInputError, match=words):
        read_animal_pose(write(tmp_path, animal(), **more))


def test_nothing_there(tmp_path: Path):
    assert not is_animal_pose(tmp_path) and not is_animal_pose(tmp_path / "gone")
    with pytest.raises(BadInputError, match="no annotation of Animal-Pose"):
        read_animal_pose(tmp_path)
