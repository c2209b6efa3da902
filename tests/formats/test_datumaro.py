import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kpplugins.data.rule import AppliedRule
from kpplugins.formats.datumaro import is_datumaro, read_datumaro
from kpplugins.formats.open_source import open_source
from kpplugins.structures import BadInputError

CATEGORIES = {
    "label": {"labels": [{"name": "cat", "parent": "", "attributes": []}, {"name": "dog", "parent": ""}]},
    "points": {"items": [{"label_id": 0, "labels": ["nose", "tail"], "joints": [[1, 2]]}]},
}


def points(*values: float, visibility: Any = (2, 1), **more: Any) -> dict[str, Any]:
    given = {"id": 0, "type": "points", "attributes": {}, "group": 0, "label_id": 0, "points": list(values),
             "z_order": 0, "visibility": list(visibility)}  # fmt: skip
    return given | more


def bbox(*sides: float, **more: Any) -> dict[str, Any]:
    return {"id": 0, "type": "bbox", "attributes": {}, "group": 0, "label_id": 0, "bbox": list(sides)} | more


def item(name: str, *annotations: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "annotations": list(annotations),
        "image": {"path": f"{name}.png", "size": [60, 80]},
    } | more


def write(folder: Path, *items: Any, subset: str = "default", **more: Any) -> Path:
    for place in ("annotations", f"images/{subset}"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for name in ("a", "b", "empty"):
        cv2.imwrite(str(folder / f"images/{subset}/{name}.png"), np.zeros((60, 80, 3), np.uint8))
    content = {"dm_format_version": "1.0", "infos": {}, "categories": CATEGORIES, "items": list(items)} | more
    (folder / f"annotations/{subset}.json").write_text(json.dumps(content))
    return folder


def test_keypoints_with_their_box_by_group(tmp_path: Path):
    two = item("a", points(20, 30, 40, 50, group=1), bbox(10, 20, 40, 30, group=1), bbox(5, 5, 9, 9, group=2))
    found, reading = open_source(write(tmp_path, two, item("empty")))
    assert found.name == "datumaro"
    one, alone = reading.records
    assert one.keypoints.tolist() == [[20, 30, 2], [40, 50, 1]] and one.bbox.tolist() == [10, 20, 50, 50]
    assert alone.bbox.tolist() == [5, 5, 14, 14] and AppliedRule.BOX_ALONE in alone.rules
    assert one.category == "cat" and [p.path.name for p in reading.backgrounds] == ["empty.png"]
    assert reading.schema.keypoints == ("nose", "tail") and reading.schema.skeleton == (("nose", "tail"),)


def test_without_groups_the_smallest_box_of_the_label_around_them(tmp_path: Path):
    boxes = [bbox(0, 0, 70, 55), bbox(10, 20, 40, 35), bbox(15, 25, 30, 28, label_id=1)]
    write(
        tmp_path, item("a", *boxes, points(20, 30, 40, 50)), item("b", points(5, 6, 9, 9, visibility=(2, 0)))
    )
    one, large, dog, other = read_datumaro(tmp_path).records
    assert one.bbox.tolist() == [10, 20, 50, 55] and large.num_labelled == dog.num_labelled == 0
    assert dog.category == "dog" and other.keypoints.tolist() == [[5, 6, 2], [0, 0, 0]]


def skeleton(*elements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": 0,
        "type": "skeleton",
        "attributes": {},
        "group": 0,
        "label_id": 0,
        "elements": list(elements),
    } | more


def element(label: int, x: float, y: float, **more: Any) -> dict[str, Any]:
    return {"type": "points", "label_id": label, "points": [x, y], "visibility": [2], "attributes": {}} | more


def test_cvats_skeletons(tmp_path: Path):
    labels = [
        {"name": "cat", "parent": ""},
        {"name": "nose", "parent": "cat"},
        {"name": "tail", "parent": "cat"},
    ]
    drawn = skeleton(
        element(2, 40, 50, attributes={"occluded": True}), element(1, 20, 30), attributes={"occluded": False}
    )
    (record,) = read_datumaro(
        write(tmp_path, item("a", drawn), categories={"label": {"labels": labels}})
    ).records
    assert record.keypoints.tolist() == [[20, 30, 2], [40, 50, 1]]
    twice = skeleton(element(1, 1, 2), element(1, 3, 4))
    for drawn, words in (
        (twice, "'nose' occurs twice"),
        (skeleton(element(0, 1, 2)), "'cat' is not in its skeleton"),
    ):
        write(tmp_path, item("a", drawn), categories={"label": {"labels": labels}})
        with pytest.raises(BadInputError, match=words):
            read_datumaro(tmp_path)


@pytest.mark.parametrize(
    ("joints", "lines"),
    [
        ([[0, 1]], 1),
        ([[1, 2]], 1),
        ([[1, 1]], 0),
        ([[1, 9]], 0),
        ([[0, 1], [1, 2]], 0),
        ([["a", 1]], 0),
        (5, 0),
    ],
)
def test_lines_count_from_0_or_1_or_are_left_out(joints: Any, lines: int, tmp_path: Path):
    part = {"items": [{"label_id": 0, "labels": ["nose", "tail"], "joints": joints}]}
    source = write(tmp_path, item("a", points(20, 30, 40, 50)), categories=CATEGORIES | {"points": part})
    reading = read_datumaro(source)
    assert len(reading.schema.skeleton) == lines
    assert lines or "default.json: categories.points.items[0]: " in reading.notes.lines[0]


def test_subsets_images_and_other_shapes(tmp_path: Path):
    write(tmp_path, item("a", points(20, 30, 40, 50, attributes={"occluded": True})), subset="train")
    write(tmp_path, item("b", points(20, 30, 40, 50), {"type": "polygon", "points": [1, 2, 3, 4, 5, 6]},
                         {"type": "caption", "caption": "x"}, image={}), subset="val")  # fmt: skip
    reading = read_datumaro(tmp_path)
    assert {p.relative_to(tmp_path).as_posix(): s for p, s in reading.splits.items()} == {
        "images/train/a.png": "train", "images/val/b.png": "val",
    }  # fmt: skip
    assert reading.records[0].keypoints[:, 2].tolist() == [1, 1]
    assert reading.rules[AppliedRule.SHAPE_IGNORED] == 1


FAULTS = {
    "item": ("x", "item is wrong"),
    "id": (item("b") | {"id": None}, "id is missing"),
    "size": (item("b", image={"path": "b.png", "size": [80, 60]}), "another size"),
    "gone": (item("gone"), "image is missing"),
    "cloud": (item("b") | {"point_cloud": {}}, "point cloud"),
    "label": (item("b", points(1, 2, 3, 4, label_id=7)), r"annotations\[0\]: unknown label"),
    "nameless": (item("b", points(1, 2, 3, 4, label_id=1)), "keypoints of label 'dog', which have no names"),
    "short": (item("b", points(1, 2)), r"annotations\[0\]: points is wrong.*4 numbers"),
    "visible": (item("b", points(1, 2, 3, 4, visibility=(2, 2, 2))), "visibility is wrong"),
    "three": (item("b", points(1, 2, 3, 4, visibility=(3, 2))), "visibility must be"),
    "box": (item("b", bbox(1, 2, 0, 3)), "box has no area"),
    "two boxes": (item("b", points(1, 2, 3, 4, group=1), bbox(1, 1, 9, 9, group=1), bbox(1, 1, 8, 8, group=1)),
                  "two boxes or two sets"),
    "one box": (item("b", points(1, 2, 3, 4), points(2, 2, 3, 3), bbox(0, 0, 9, 9)),
                "two sets of keypoints in one box"),
    "mask": (item("b", {"type": "mask"}), "neither keypoints nor boxes.*mask"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_a_bad_item_is_named_and_can_be_skipped(case: str, tmp_path: Path):
    bad, words = FAULTS[case]
    write(tmp_path, item("a", points(20, 30, 40, 50)), bad)
    with pytest.raises(BadInputError, match=rf"default\.json: items\[1\].*{words}"):
        read_datumaro(tmp_path)
    assert [r.image.name for r in read_datumaro(tmp_path, skip_bad=True).records] == ["a.png"]


def test_nothing_there(tmp_path: Path):
    assert not is_datumaro(tmp_path) and not is_datumaro(tmp_path / "gone")
    with pytest.raises(BadInputError, match="no annotation of Datumaro"):
        read_datumaro(tmp_path)
    with pytest.raises(BadInputError, match="no label has keypoints"):
        read_datumaro(write(tmp_path, categories={"label": {"labels": []}}))
