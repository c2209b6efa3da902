"""Projects of VIA 3: the same instances as ``test_via`` has from VIA 2."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kpplugins.formats.open_source import open_source
from kpplugins.formats.via import read_via
from kpplugins.formats.via3 import as_via2, is_via3_project
from kpplugins.structures import BadInputError

ATTRIBUTES = {
    "1": {"aname": "name", "anchor_id": "FILE1_Z0_XY1", "type": 4, "options": {"0": "nose", "1": "tail"}},
    "2": {"aname": "instance", "anchor_id": "FILE1_Z0_XY1", "type": 1, "options": {}},
    "3": {"aname": "occluded", "anchor_id": "FILE1_Z0_XY1", "type": 2, "options": {"7": "yes", "8": "no"}},
    "4": {"aname": "class", "anchor_id": "FILE1_Z0_XY1", "type": 3, "options": {"a": "cat"}},
}


def region(view: Any, xy: Any, z: Any = (), **av: Any) -> dict[str, Any]:
    return {"vid": view, "flg": 0, "z": list(z), "xy": xy, "av": {k.strip("_"): v for k, v in av.items()}}


GOOD = {
    "1_a": region("1", [1, 20, 30], _1="0", _2="1"),
    "1_b": region("1", [1, 30, 40], _1="1", _2="1", _3="7"),
    "1_c": region("1", [2, 10, 20, 30, 40], _2="1", _4="a"),
    "1_d": region("1", [1, 60, 10], _1="0", _2="2", _3=""),
    "1_e": region("1", [1, 80, 15], _1="1", _2="2", _3="8"),
    "1_f": region("1", [], _4="a"),  # said of the image
}


def project(metadata: dict[str, Any], **more: Any) -> dict[str, Any]:
    files = {
        "1": {"fid": "1", "fname": "a b.jpg", "type": 2, "loc": 1, "src": ""},
        "2": {"fid": "2", "fname": "empty.jpg", "type": 2, "loc": 3, "src": "images/empty.jpg"},
    }
    return {
        "project": {"pid": "__VIA_PROJECT_ID__", "vid_list": ["1", "2"]}, "config": {}, "attribute": ATTRIBUTES,
        "file": files, "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": [2]}}, "metadata": metadata, **more,
    }  # fmt: skip


def write(folder: Path, content: Any) -> Path:
    (folder / "images").mkdir(exist_ok=True)
    for name in ("a b.jpg", "images/empty.jpg"):
        cv2.imwrite(str(folder / name), np.zeros((80, 100, 3), np.uint8))
    (folder / "via_project_1.json").write_text(json.dumps(content))
    return folder


def test_a_project_gives_what_via_2_gives(tmp_path: Path):
    found, reading = open_source(write(tmp_path, project(GOOD)))
    assert found.name == "via" and reading.schema.keypoints == ("nose", "tail")
    first, second = reading.records
    assert first.keypoints.tolist() == [[20, 30, 2], [30, 40, 1]]
    assert first.category == "cat" and first.bbox.tolist() == [10, 20, 40, 60]
    assert second.keypoints.tolist() == [[60, 10, 2], [80, 15, 2]]
    assert second.bbox.tolist() == [58, 8, 82, 17]
    assert [p.path.name for p in reading.backgrounds] == ["empty.jpg"]


def test_polygons_are_boxes_and_other_shapes_are_counted(tmp_path: Path):
    shapes = {
        "p": region("2", [7, 50, 10, 90, 10, 70, 70], _4="a"),
        "q": region("2", [1, 60, 20], _1="0"),
        "c": region("2", [3, 5, 5, 2]),
        "e": region("1", [8, 10, 30, 20, 20, 40, 35, 30, 60]),
    }
    extreme, record = read_via(write(tmp_path, project(shapes))).records
    assert extreme.bbox.tolist() == [10, 20, 40, 60]
    assert record.bbox.tolist() == [50, 10, 90, 70] and record.category == "cat"


FAULTS = {
    "view": ({"x": region("9", [1, 2, 3], _1="0")}, {}, "metadata 'x': metadata of an unknown view"),
    "object": ({"x": 5}, {}, "metadata of an unknown view"),
    "time": ({"x": region("2", [1, 2, 3], (0.5,), _1="0")}, {}, "metadata 'x': time in a video"),
    "text": ({"x": region("2", "a")}, {}, "metadata 'x': xy is wrong"),
    "short": ({"x": region("2", [1, 2])}, {}, r"metadata 'x': xy is wrong.*\[1, x, y\]"),
    "shape": ({"x": region("2", [77, 2])}, {}, "xy is wrong"),
    "option": (
        {"x": region("2", [1, 2, 3], _1="5")},
        {},
        r"unknown option of attribute 'name'.*0 \(nose\).*'5'",
    ),
    "attribute": ({"x": region("2", [1, 2, 3], _9="5")}, {}, "attribute '9' is missing"),
    "pair": (
        {},
        {"view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": ["1", "2"]}}},
        "view '2': view of several files",
    ),
    "no file": (
        {},
        {"view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": ["7"]}}},
        "view '2': file '7': file is missing",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_bad_part_is_named_and_can_be_skipped(case: str, tmp_path: Path):
    bad, more, words = FAULTS[case]
    write(tmp_path, project(GOOD | bad, **more))
    with pytest.raises(BadInputError, match=rf"via_project_1\.json: .*{words}"):
        read_via(tmp_path)
    assert len(read_via(tmp_path, skip_bad=True).records) == 2


def test_a_video_is_told(tmp_path: Path):
    files = {"1": {"fname": "film.mp4", "type": 4, "loc": 1, "src": ""}}
    content = project({}, file=files, view={"1": {"fid_list": ["1"]}})
    content["project"]["vid_list"] = []
    with pytest.raises(BadInputError, match="view of a video.*film.mp4.*extract the frames"):
        read_via(write(tmp_path, content))


def test_what_is_a_project():
    assert is_via3_project(project({})) and not is_via3_project({"project": {}}) and not is_via3_project([])
    with pytest.raises(BadInputError, match="'file' is wrong"):
        as_via2(project({}, file=[]), "x.json")
