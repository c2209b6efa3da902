import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.rule import AppliedRule
from kpplugins.formats.labelme.reader import is_labelme, read_labelme
from kpplugins.structures import BadInputError


def shape(label: Any, points: Any, kind: Any = "point", group: Any = None, **more: Any) -> dict[str, Any]:
    return {"label": label, "points": points, "shape_type": kind, "group_id": group, "flags": {}, **more}


def good() -> dict[str, Any]:
    """Two cats by group_id; the second without box."""
    return {
        "version": "5.4.1",
        "flags": {},
        "imagePath": "a.jpg",
        "imageData": None,
        "imageWidth": 100,
        "imageHeight": 80,
        "shapes": [
            shape("cat", [[40, 50], [10, 20]], "rectangle", 1),
            shape("nose", [[20, 30]], group=1),
            shape("tail", [[30, 40]], group=1, description="Occluded"),
            shape("nose", [[60, 10]], group=2, flags={"occluded": True}),
            shape("tail", [[80, 15]], group=2),
        ],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data set"
    path.mkdir()
    cv2.imwrite(str(path / "a.jpg"), np.zeros((80, 100, 3), np.uint8))
    write(path, good())
    return path


def write(folder: Path, content: Any, name: str = "a.json") -> None:
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


def test_groups_become_instances_with_box_category_and_visibility(folder: Path):
    reading = read_labelme(folder)
    first, second = reading.records
    assert reading.schema.keypoints == ("nose", "tail")
    assert (
        first.category == "cat" and first.bbox.tolist() == [10, 20, 40, 50] and first.area == 477
    )  # 53 % of 30·30
    assert first.keypoints.tolist() == [[20, 30, 2], [30, 40, 1]]
    # from (60, 10) to (80, 15): longer side 20, margin 2
    assert second.category == "object" and second.bbox.tolist() == [58, 8, 82, 17]
    assert second.area == pytest.approx(0.53 * 24 * 9)
    assert second.keypoints.tolist() == [[60, 10, 1], [80, 15, 2]]
    assert reading.rules == {AppliedRule.BOX_DERIVED: 1, AppliedRule.AREA_DERIVED: 2}
    assert first.image == folder / "a.jpg" and first.source == folder / "a.json"


def test_polygons_give_boxes_and_other_shapes_are_counted(folder: Path):
    raw = good()
    raw["shapes"] = [
        shape("mouse", [[10, 10], [30, 12], [20, 50]], "polygon"),
        shape("nose", [[20, 30]]),
        shape("x", [[0, 0], [5, 5]], "line"),
    ]
    write(folder, raw)
    (record,) = read_labelme(folder).records
    assert record.category == "mouse" and record.bbox.tolist() == [10, 10, 30, 50]
    assert record.rules == (AppliedRule.AREA_DERIVED, AppliedRule.SHAPE_IGNORED)


def test_occluded_is_said_by_labels_and_by_x_anylabeling(folder: Path):
    raw = good()
    raw["shapes"] = [
        shape("nose-occluded", [[20, 30]], group=1),
        shape("tail", [[30, 40]], group=1, difficult=True),
        shape("nose", [[60, 10]], group=2, difficult=False),
        shape("tail (Occluded)", [[80, 15]], group=2, flags={"difficult": False}),
    ]
    write(folder, raw)
    reading = read_labelme(folder)
    assert reading.schema.keypoints == ("nose", "tail")
    assert [r.keypoints[:, 2].tolist() for r in reading.records] == [[1, 1], [2, 1]]
    assert reading.rules[AppliedRule.OCCLUDED_BY_LABEL] == 2


def test_images_in_another_folder(folder: Path, tmp_path: Path):
    (tmp_path / "far/deep").mkdir(parents=True)
    shutil.move(folder / "a.jpg", tmp_path / "far/deep/a.jpg")
    for name in ("a.jpg", "../images/a.jpg", "C:\\Users\\me\\a.jpg"):
        write(folder, good() | {"imagePath": name})
        assert len(read_labelme(folder, images=tmp_path / "far").records) == 2


def test_images_in_a_folder_beside_and_one_file_alone(folder: Path):
    (folder / "json").mkdir()
    (folder / "bilder ä").mkdir()
    shutil.move(folder / "a.jpg", folder / "bilder ä" / "ü b.jpg")
    (folder / "a.json").unlink()
    write(folder / "json", good() | {"imagePath": "..\\bilder ä\\ü b.jpg"}, "ü.json")
    assert read_labelme(folder).records[0].image == folder / "bilder ä" / "ü b.jpg"
    with pytest.raises(BadInputError, match="outside its folder"):
        read_labelme(folder / "json" / "ü.json")
    assert is_labelme(folder) and is_labelme(folder / "json" / "ü.json")


def test_a_file_without_shapes_is_a_background(folder: Path):
    shutil.copy(folder / "a.jpg", folder / "b.jpg")
    write(folder, good() | {"imagePath": "b.jpg", "shapes": []}, "b.json")
    assert [p.path.name for p in read_labelme(folder).backgrounds] == ["b.jpg"]


def change(**values: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda raw: raw | values


def shapes(*new: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda raw: raw | {"shapes": list(new)}


POINT = shape("nose", [[20, 30]])
FAULTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "list": (lambda raw: [raw], "the file is wrong.*an object"),
    "no shapes": (lambda raw: {"imagePath": "a.jpg"}, "not a LabelMe file"),
    "shapes dict": (change(shapes={}), "'shapes' is wrong.*a list"),
    "shape text": (shapes("x"), r"shapes\[0\].*an object"),
    "no path": (change(imagePath=None), "imagePath is missing"),
    "path number": (change(imagePath=3), "imagePath is wrong"),
    "path empty": (change(imagePath=" "), "no usable name"),
    "path NUL": (change(imagePath="a\0.jpg"), "no usable name"),
    "path newline": (change(imagePath="a\n.jpg"), "no usable name"),
    "path surrogate": (change(imagePath="\ud800.jpg"), "no usable name"),
    "path long": (change(imagePath="x" * 5000), "no usable name|is missing"),
    "path absolute": (change(imagePath="/data/c.jpg"), "absolute path.*relative"),
    "path drive": (change(imagePath="C:\\data\\c.jpg"), "absolute path.*relative"),
    "path out": (change(imagePath="../a.jpg"), "outside its folder"),
    "path web": (change(imagePath="https://x.org/c.jpg"), "web address.*download"),
    "path folder": (change(imagePath="."), "is missing"),
    "image gone": (change(imagePath="b.jpg"), "image is missing.*imagePath"),
    "embedded": (change(imagePath="b.jpg", imageData="aGk="), "missing.*labelme_export_json"),
    "size": (change(imageWidth=640), "another size.*expected 640×80.*found 100×80"),
    "size negative": (change(imageWidth=-100), "image size is wrong"),
    "size text": (change(imageWidth="100"), "width is wrong"),
    "no label": (shapes(shape(None, [[1, 2]])), "label is missing"),
    "label number": (shapes(shape(3, [[1, 2]])), "label is wrong"),
    "label lines": (shapes(shape("a\nb", [[1, 2]])), "label is wrong"),
    "points text": (shapes(shape("a", "12")), "points is wrong.*a list"),
    "points none": (shapes(shape("a", [])), "one point.*0 points"),
    "point of three": (shapes(shape("a", [[1, 2, 3]])), r"\[x, y\]"),
    "coordinate text": (shapes(shape("a", [["1", 2]])), "x is wrong.*a number"),
    "coordinate true": (shapes(shape("a", [[True, 2]])), "x is wrong"),
    "coordinate none": (shapes(shape("a", [[1, None]])), "y is missing"),
    "coordinate vast": (shapes(shape("a", [[10**400, 2]])), "x is wrong|not acceptable"),
    "flat box": (shapes(POINT, shape("c", [[1, 2], [9, 2]], "rectangle")), "box has no size"),
    "short polygon": (shapes(POINT, shape("c", [[1, 2], [9, 9]], "polygon")), "too few points"),
    "kind number": (shapes(shape("a", [[1, 2]], 7)), "shape_type is wrong"),
    "group list": (shapes(shape("a", [[1, 2]], group=[1])), "group_id is wrong"),
    "flags list": (shapes(shape("a", [[1, 2]], flags=[1])), "flags is wrong"),
    "twice": (shapes(POINT, POINT), "'nose' occurs twice"),
    "in no box": (shapes(POINT, shape("c", [[60, 60], [70, 70]], "rectangle")), "is in no box"),
    "outside": (shapes(shape("a", [[-1, 2]])), "every keypoint lies outside"),
    "only lines": (shapes(shape("a", [[1, 2], [3, 4]], "line")), "neither keypoints nor boxes.*line"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_bad_file_is_named_with_the_cure_and_can_be_skipped(case: str, folder: Path):
    make, words = FAULTS[case]
    shutil.copy(folder / "a.jpg", folder / "bad.jpg")
    write(folder, make(good() | {"imagePath": "bad.jpg"}), "bad.json")
    with pytest.raises(BadInputError, match=rf"bad\.json.*({words}).*--skip-bad") as caught:
        read_labelme(folder)
    assert "\n" not in str(caught.value)
    str(caught.value).encode()
    assert len(read_labelme(folder, skip_bad=True).records) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"shapes": [', ":1: not valid JSON"),
        (b'{"shapes": [NaN]}', "not acceptable JSON.*NaN"),
        (b'{"shapes": [], "shapes": []}', "twice in one object"),
        (b"[" * 100000, "not (acceptable|valid) JSON"),
        (b"1" * 5000, "not acceptable JSON|the file is wrong"),
        (b'\xff{"', "not UTF-8"),
    ],
)
def test_a_broken_file_is_named(content: bytes, words: str, folder: Path):
    (folder / "bad.json").write_bytes(content)
    with pytest.raises(BadInputError, match=rf"bad\.json.*{words}"):
        read_labelme(folder)


def test_links_out_of_the_folder_are_refused(folder: Path, tmp_path: Path):
    shutil.copy(folder / "a.jpg", tmp_path / "secret.jpg")
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    write(folder, good() | {"imagePath": "link.jpg"}, "link.json")
    with pytest.raises(BadInputError, match="outside its folder"):
        read_labelme(folder)
    write(tmp_path, good(), "elsewhere.json")
    (folder / "link.json").unlink()
    (folder / "link.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(BadInputError, match="outside its folder"):
        read_labelme(folder)
    (folder / "link.json").unlink()
    (folder / "link.jpg").unlink()
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    write(folder, good() | {"imagePath": "loop.jpg"}, "loop.json")
    with pytest.raises(BadInputError, match="loop"):
        read_labelme(folder)


def test_an_image_beside_the_annotated_one_of_the_same_name_is_not_annotated(folder: Path):
    cv2.imwrite(str(folder / "a.png"), np.zeros((80, 100, 3), np.uint8))
    with pytest.raises(BadInputError, match=r"a\.png: image without annotation"):
        read_labelme(folder)


def test_a_image_without_annotation_is_not_silent(folder: Path):
    shutil.copy(folder / "a.jpg", folder / "c.jpg")
    with pytest.raises(BadInputError, match=r"c\.jpg: image without annotation"):
        read_labelme(folder)


def test_nothing_there(tmp_path: Path):
    with pytest.raises(BadInputError, match="no such file or folder"):
        read_labelme(tmp_path / "no")
    with pytest.raises(BadInputError, match="no LabelMe files"):
        read_labelme(tmp_path)
    assert not is_labelme(tmp_path) and not is_labelme(tmp_path / "no")
    (tmp_path / "x.json").write_bytes(b"\xff\x00")
    assert not is_labelme(tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_is_read_or_refused_in_one_line(folder: Path, data: st.DataObject):
    content = bytearray(json.dumps(good()).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "a.json").write_bytes(content[: data.draw(st.integers(0, 4)) * -10 or None])
    try:
        assert isinstance(read_labelme(folder, skip_bad=data.draw(st.booleans())), AnnotationSet)
    except BadInputError as error:
        assert "\n" not in str(error)
