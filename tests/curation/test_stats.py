import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.curation.stats import measure, stats
from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import write_coco
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

SCHEMA = KeypointSchema("x", ("a", "b"), skeleton=(("a", "b"),))


def record(image: Path, points: list, box: list, **kwargs) -> PoseRecord:
    return PoseRecord(image, 100, 50, np.array(points, float), np.array(box, float), 1.0, image, **kwargs)


def reading(folder: Path) -> AnnotationSet:
    """Three images of 100×50: two instances, a crowd and one instance, nothing."""
    paths = [folder / f"{i}.png" for i in range(3)]
    for path in paths:
        cv2.imwrite(str(path), np.full((50, 100, 3), 120, np.uint8))
    return AnnotationSet(
        SCHEMA,
        [
            record(paths[0], [[10, 10, 2], [20, 10, 1]], [5, 5, 25, 15]),  # 20×10
            record(paths[0], [[0, 0, 0], [60, 30, 2]], [50, 10, 90, 40]),  # 40×30
            record(paths[1], [[0, 0, 0], [0, 0, 0]], [0, 0, 10, 10], category="dog"),
            record(paths[1], [[1, 1, 2], [0, 0, 0]], [0, 0, 99, 49], crowd=True),
        ],
        backgrounds=[ImageInfo(paths[2], 100, 50)],
        splits={paths[0]: "train", paths[1]: "val", paths[2]: "val"},
    )


def test_numbers_by_hand(tmp_path: Path):
    found = measure(reading(tmp_path))
    assert (found["images"], found["instances"], found["crowds"]) == (3, 3, 1)
    assert (found["unlabelled instances"], found["images without instances"]) == (1, 1)
    assert found["splits"]["train"] == {"images": 1, "instances": 2}
    assert found["splits"]["val"] == {"images": 2, "instances": 1}
    assert found["categories"] == {"object": 2, "dog": 1}
    assert found["keypoints"]["a"] == {"visible": 1, "occluded": 0, "absent": 2}
    assert found["keypoints"]["b"] == {"visible": 1, "occluded": 1, "absent": 1}
    assert found["instances an image"] == {"0": 1, "1": 1, "2": 1}
    assert found["labelled points an instance"] == {"0": 1, "1": 1, "2": 1}
    assert (found["box side px"]["min"], found["box side px"]["median"]) == (10, 20)
    assert found["box share of image"]["max"] == 40 * 30 / 5000


def test_a_folder_gets_its_page(tmp_path: Path):
    (tmp_path / "images").mkdir()
    whole = reading(tmp_path / "images")
    write_coco(whole, tmp_path / "set", whole.splits)
    numbers, text = stats(tmp_path / "set", out=tmp_path / "out")
    assert json.loads((tmp_path / "out/stats.json").read_text()) == numbers
    assert numbers["format"] == "coco"
    assert "| a        | 1       | 0        | 2      |" in text
    page = cv2.imread(str(tmp_path / "out/stats.png"))
    assert page.shape[1] == 1500 and page.std() > 10
    assert stats(tmp_path / "set")[0] == numbers


def test_nothing_but_backgrounds_and_nothing_at_all(tmp_path: Path):
    empty = AnnotationSet(SCHEMA, backgrounds=[ImageInfo(tmp_path / "a.png", 9, 9)])
    found = measure(empty)
    assert (found["instances"], found["box side px"]) == (0, {})
    assert found["splits"] == {"all": {"images": 1, "instances": 0}}
    with pytest.raises(BadInputError, match="no images"):
        measure(AnnotationSet(SCHEMA))


def test_images_inside_the_annotation_file(kaggle_folder: Path, tmp_path: Path):
    numbers, _ = stats(kaggle_folder, out=tmp_path)
    assert numbers["image width px"]["median"] == 96
    assert (tmp_path / "stats.png").is_file()
