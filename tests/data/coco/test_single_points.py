"""COCO files in which each keypoint is an annotation of its own."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kpplugins.data.coco.reader import read_coco
from kpplugins.data.coco.single_points import single_point_names
from kpplugins.structures import BadInputError

POINTS = {"nose": (12, 8, 2), "left_eye": (20, 10, 1), "right_eye": (30, 12, 2)}


def content(form: str, box: bool = False) -> dict[str, Any]:
    """Three keypoints in image 1 and one in image 2, in the form of a tool."""
    categories: list[dict[str, Any]] = [{"id": i, "name": name} for i, name in enumerate(POINTS, 1)]
    if form == "own lists":
        categories = [{**c, "keypoints": [c["name"]]} for c in categories]
    if form == "one name for all":
        categories = [{**c, "keypoints": ["point"]} for c in categories]
    annotations: list[dict[str, Any]] = []
    for image, names in ((1, POINTS), (2, ["nose"])):
        for name in names:
            x, y, shown = POINTS[name]
            entry = {
                "id": len(annotations),
                "image_id": image,
                "category_id": [*POINTS].index(name) + 1,
                "area": 0,
            }
            if form == "RectLabel":
                annotations.append(entry | {"segmentation": [[x, y]], "bbox": [x, y, 1, 1]})
            else:
                annotations.append(
                    entry | {"keypoints": [x, y, shown], "num_keypoints": 1, "bbox": [x, y, 0, 0]}
                )
    if box:
        categories.append({"id": 9, "name": "cat"})
        annotations.append({"id": 99, "image_id": 1, "category_id": 9, "bbox": [5, 4, 40, 30]})
    images = [{"id": i, "file_name": f"{i}.png", "width": 60, "height": 40} for i in (1, 2)]
    return {"images": images, "annotations": annotations, "categories": categories}


def put(root: Path, holds: dict[str, Any]) -> Path:
    (root / "annotations").mkdir()
    (root / "annotations/all.json").write_text(json.dumps(holds))
    for i in (1, 2):
        cv2.imwrite(str(root / f"{i}.png"), np.zeros((40, 60, 3), np.uint8))
    return root


@pytest.mark.parametrize("form", ["own lists", "no lists", "one name for all", "RectLabel"])
@pytest.mark.parametrize("box", [False, True])
def test_the_keypoints_of_an_image_are_joined(tmp_path: Path, form: str, box: bool):
    reading = read_coco(put(tmp_path, content(form, box)))
    assert reading.schema.keypoints == tuple(POINTS)
    assert reading.schema.flip_pairs == (("left_eye", "right_eye"),)
    shown = 2 if form == "RectLabel" else 1
    first, second = reading.records
    assert first.keypoints.tolist() == [[12, 8, 2], [20, 10, shown], [30, 12, 2]]
    assert second.keypoints.tolist() == [[12, 8, 2], [0, 0, 0], [0, 0, 0]]
    if box:
        assert (first.category, first.bbox.tolist()) == ("cat", [5, 4, 45, 34])
    else:
        assert first.bbox.tolist() == pytest.approx([10.2, 6.2, 31.8, 13.8])  # longer side 18
    assert "each keypoint is an annotation of its own: 4 joined into 2 instances" in reading.notes


def test_two_of_one_name_in_an_image_need_boxes(tmp_path: Path):
    twice = content("own lists")
    twice["annotations"].append({**twice["annotations"][0], "id": 50, "keypoints": [40, 30, 2]})
    with pytest.raises(BadInputError, match="'nose' occurs twice in one instance"):
        read_coco(put(tmp_path, twice))
    assert len(read_coco(tmp_path, skip_bad=True).records) == 1


def test_objects_with_one_keypoint_each_stay_instances(tmp_path: Path):
    """Two kinds of things with a box and one keypoint: cups with a handle, pens with a tip."""
    things = content("own lists")
    for category, name in zip(things["categories"], ("handle", "tip", "lid"), strict=True):
        category["keypoints"] = [name]
    for annotation in things["annotations"]:
        annotation["bbox"] = [5, 4, 40, 30]
    assert single_point_names(things) == {}
    reading = read_coco(put(tmp_path, things))
    assert len(reading.records) == 4 and not reading.notes
