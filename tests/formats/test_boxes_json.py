import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpplugins.data.rule import AppliedRule
from kpplugins.formats.boxes_json import is_boxes_json, read_boxes_json
from kpplugins.formats.open_source import open_source
from kpplugins.structures import BadInputError

TWO = {
    "bboxes": [[10, 20, 50, 60], [0, 0, 9.5, 9]],
    "keypoints": [[[12, 22, 1], [40, 50, 0]], [[1, 1, 1], [200, 5, 1]]],
}


def add(folder: Path, name: str, content: object) -> None:
    for kind in ("images", "annotations"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / "images" / "x.png"), np.full((80, 100, 3), 127, np.uint8))
    (folder / "images" / "x.png").rename(folder / "images" / f"{name}.png")
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "annotations" / f"{name}.json").write_text(text, encoding="utf-8")


def test_boxes_and_points(tmp_path: Path):
    add(tmp_path, "a b.rf.1", TWO)
    add(tmp_path, "nichts", {"bboxes": [], "keypoints": []})
    assert is_boxes_json(tmp_path)
    reading = read_boxes_json(tmp_path)
    first, second = reading.records
    assert reading.schema.keypoints == ("kpt_0", "kpt_1")
    assert first.keypoints.tolist() == [[12, 22, 2], [0, 0, 0]]  # only 0 and 1 in the source: 1 is visible
    assert first.bbox.tolist() == [10, 20, 50, 60]
    assert first.area == 848  # 53 % of 40·40
    assert second.keypoints.tolist() == [[1, 1, 2], [0, 0, 0]]
    assert reading.rules == {AppliedRule.KEYPOINT_OUTSIDE: 1, AppliedRule.AREA_DERIVED: 2}
    assert [p.path.name for p in reading.backgrounds] == ["nichts.png"]
    assert reading.splits == {}


def test_with_a_two_somewhere_one_means_occluded(tmp_path: Path):
    add(tmp_path, "a", TWO)
    add(tmp_path, "b", {"bboxes": [[0, 0, 9, 9]], "keypoints": [[[1, 1, 2], [2, 2, 1]]]})
    records = read_boxes_json(tmp_path).records
    assert records[0].keypoints[0].tolist() == [12, 22, 1]
    assert records[2].keypoints[:, 2].tolist() == [2, 1]


def test_folders_give_splits(tmp_path: Path):
    add(tmp_path / "train", "a", TWO)
    assert read_boxes_json(tmp_path).splits == {}  # one part is no division
    add(tmp_path / "valid", "a", TWO)
    reading = read_boxes_json(tmp_path)
    assert sorted(reading.splits.values()) == ["train", "val"]
    assert len(reading.records) == 4


def test_names(tmp_path: Path):
    add(tmp_path, "a", TWO)
    assert open_source(tmp_path, names="head, tail")[1].schema.keypoints == ("head", "tail")
    assert open_source(tmp_path, names=["left", "right"])[1].schema.flip_pairs == (("left", "right"),)
    with pytest.raises(BadInputError, match="--names: wrong number of names.*expected 2.*found 1"):
        open_source(tmp_path, names="head")
    assert "does not name its keypoints" in open_source(tmp_path)[1].notes.lines[0]


def test_real_tubes(real_data: Path):
    source = real_data / "glue_tubes"
    files = [json.loads(p.read_text()) for p in source.glob("*/annotations/*.json")]
    _, reading = open_source(source, names="head,tail")
    assert len({r.image for r in reading.records}) + len(reading.backgrounds) == len(files) == 111
    assert len(reading.records) == sum(len(f["bboxes"]) for f in files) == 185
    visible = sum(p[2] for f in files for instance in f["keypoints"] for p in instance)
    assert (
        sum(r.num_labelled for r in reading.records) + reading.rules[AppliedRule.KEYPOINT_OUTSIDE]
        == visible
        == 370
    )
    assert {float(v) for r in reading.records for v in r.keypoints[:, 2]} == {2.0}
    by_name = {r.image.stem: r for r in reading.records}
    assert by_name["IMG_4902_JPG_jpg.rf.b61bc4c5be02ddc41c1b629683f8d3a4"].bbox.tolist() == [
        460,
        127,
        588,
        617,
    ]


GOOD = {"bboxes": [[0, 0, 9, 9]], "keypoints": [[[1, 1, 1], [2, 2, 1]]]}
BAD = {
    "empty file": ("", "(?:JSON|empty)"),
    "truncated": (json.dumps(TWO)[:40], r":1.*JSON"),
    "a list": ([], "'bboxes' is missing"),
    "no keypoints": ({"bboxes": []}, "'keypoints' is missing"),
    "null": ({"bboxes": None, "keypoints": []}, "'bboxes' is missing"),
    "fewer": ({**GOOD, "keypoints": []}, "numbers of boxes and of instances differ"),
    "short box": ({**GOOD, "bboxes": [[1, 2, 3]]}, r"bboxes\[0\]: box is wrong; expected 4 numbers"),
    "xywh": ({**GOOD, "bboxes": [[50, 50, 20, 20]]}, "box has no area"),
    "NaN": (
        '{"bboxes": [[NaN, 0, 9, 9]], "keypoints": [[[1, 1, 1], [2, 2, 1]]]}',
        "(?:NaN|not acceptable JSON)",
    ),
    "1e999": ('{"bboxes": [[0, 0, 1e999, 9]], "keypoints": [[[1, 1, 1], [2, 2, 1]]]}', "is wrong"),
    "text": ({**GOOD, "bboxes": [["0", 0, 9, 9]]}, "a list of numbers"),
    "true": ({**GOOD, "bboxes": [[True, 0, 9, 9]]}, "is wrong"),
    "point of two": (
        {**GOOD, "keypoints": [[[1, 1], [2, 2]]]},
        r"keypoints\[0\]\[0\]: keypoint is wrong; expected 3 numbers",
    ),
    "no points": ({**GOOD, "keypoints": [None]}, "instance is missing"),
    "three points": (
        {**GOOD, "keypoints": [[[1, 1, 1]] * 3]},
        "another number of keypoints.*expected 2.*found 3",
    ),
    "visibility": ({**GOOD, "keypoints": [[[1, 1, 0.5], [2, 2, 1]]]}, "visibility must be 0, 1 or 2.*0.5"),
    "deep": ("[" * 100000, "(?:nest|JSON)"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(tmp_path: Path, name: str):
    add(tmp_path, "a", TWO)
    add(tmp_path, "b", BAD[name][0])
    with pytest.raises(BadInputError, match=rf"b\.json.*{BAD[name][1]}.*--skip-bad") as caught:
        read_boxes_json(tmp_path)
    assert "\n" not in str(caught.value)
    assert len(read_boxes_json(tmp_path, skip_bad=True).records) == 2


def test_what_stands_alone_is_a_fault(tmp_path: Path):
    add(tmp_path, "a", TWO)
    add(tmp_path, "b", TWO)
    (tmp_path / "images" / "b.png").unlink()
    with pytest.raises(BadInputError, match=r"b\.json: annotation without image"):
        read_boxes_json(tmp_path)
    add(tmp_path, "b", TWO)
    (tmp_path / "annotations" / "b.json").unlink()
    with pytest.raises(BadInputError, match=r"b\.png: image without annotation"):
        read_boxes_json(tmp_path)
    (tmp_path / "images" / "b.png").rename(tmp_path / "images" / "a.bmp")
    with pytest.raises(BadInputError, match="fits two images.*a.bmp, a.png"):
        read_boxes_json(tmp_path)


def test_nothing_here(tmp_path: Path):
    assert not is_boxes_json(tmp_path / "none")
    with pytest.raises(BadInputError, match="no annotations here"):
        read_boxes_json(tmp_path)
    add(tmp_path, "a", {"bboxes": [], "keypoints": []})
    with pytest.raises(BadInputError, match="no instance in any annotation"):
        read_boxes_json(tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 200), st.binary(max_size=5))
def test_changed_bytes_are_read_or_refused_in_one_line(tmp_path: Path, at: int, new: bytes):
    add(tmp_path, "a", TWO)
    whole = json.dumps(TWO).encode()
    at %= len(whole)
    (tmp_path / "annotations" / "a.json").write_bytes(
        whole[:at] + new + whole[at + len(new) :] if new else whole[:at]
    )
    try:
        for record in read_boxes_json(tmp_path).records:
            assert np.isfinite(record.keypoints).all()
    except BadInputError as error:
        assert "\n" not in str(error)
