from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.data.rule import AppliedRule
from kpplugins.formats.faces.wflw import is_wflw, read_wflw
from kpplugins.formats.open_source import open_source
from kpplugins.structures import BadInputError

NAME = "0--Parade/0_Parade_marchingband_1_799.jpg"
POINTS = [v for i in range(98) for v in (10 + i / 2, 20 + i % 40)]


def line(
    name: str = NAME, rect: str = "5 15 70 65", marks: str = "0 0 0 0 0 0", points: list = POINTS
) -> str:
    return " ".join([*map(str, points), *([rect, marks] if rect else []), name])


@pytest.fixture
def wflw(tmp_path: Path) -> Path:
    for name in (NAME, "1--Handshaking/b c.jpg"):
        (tmp_path / "WFLW_images" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "WFLW_images" / name), np.zeros((90, 100, 3), np.uint8))
    folder = tmp_path / "WFLW_annotations"
    (folder / "list_98pt_rect_attr_train_test").mkdir(parents=True)
    (folder / "list_98pt_test").mkdir()
    write(tmp_path, line(), line(rect="6 16 71 66", marks="1 0 0 0 1 0"))
    test = folder / "list_98pt_rect_attr_train_test/list_98pt_rect_attr_test.txt"
    test.write_text(line("1--Handshaking/b c.jpg") + "\n")
    for part in ("test", "test_blur"):
        (folder / f"list_98pt_test/list_98pt_{part}.txt").write_text(
            line("1--Handshaking/b c.jpg", rect="") + "\n"
        )
    return tmp_path


def write(root: Path, *lines: str) -> None:
    path = root / "WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_train.txt"
    path.write_text("\n".join(lines) + "\n")


def test_faces_with_their_rectangles(wflw: Path):
    found, reading = open_source(wflw)
    assert found.name == "wflw" and reading.schema.num_keypoints == 98
    third, one, other = reading.records  # the lists of parts of the test set are not read a second time
    assert one.keypoints[0].tolist() == [10, 20, 2] and one.keypoints[97].tolist() == [58.5, 37, 2]
    assert one.bbox.tolist() == [5, 15, 70, 65] and other.bbox.tolist() == [6, 16, 71, 66]
    assert one.image == other.image and third.image.name == "b c.jpg"
    assert set(reading.splits.values()) == {"train", "test"} and reading.splits[third.image] == "test"


def test_an_occluded_face_is_counted_and_its_keypoints_are_visible(wflw: Path):
    reading = read_wflw(wflw)
    assert reading.rules[AppliedRule.OCCLUSION_OF_WHOLE] == 1
    assert AppliedRule.OCCLUSION_OF_WHOLE in reading.records[2].rules
    assert all((record.keypoints[:, 2] == 2).all() for record in reading.records)


def test_a_list_without_rectangles_by_itself(wflw: Path):
    path = wflw / "WFLW_annotations/list_98pt_test/list_98pt_test.txt"
    (record,) = read_wflw(path).records
    assert record.rules[0] is AppliedRule.BOX_DERIVED
    assert is_wflw(path) and not is_wflw(wflw / "WFLW_images")


FAULTS = {
    "cut": (line(points=POINTS[:-1]), "line has another number of values.*206 numbers.*205"),
    "word": (line(points=["x", *POINTS[1:]]), "value is wrong"),
    "mark": (line(marks="0 0 0 0 2 0"), "a mark that is neither 0 nor 1"),
    "gone": (line("0--Parade/gone.jpg"), "image is missing"),
    "out": (line("../../a.jpg"), "image lies outside its folder"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_bad_line_is_named_and_its_image_can_be_skipped(case: str, wflw: Path):
    text, words = FAULTS[case]
    write(wflw, text)
    with pytest.raises(BadInputError, match=rf"attr_train\.txt:1: {words}"):
        read_wflw(wflw)
    assert [r.image.name for r in read_wflw(wflw, skip_bad=True).records] == ["b c.jpg"]


def test_a_rectangle_without_area_is_replaced_by_the_derived_box(wflw: Path):
    write(wflw, line(rect="5 15 5 65"))
    (record,) = [r for r in read_wflw(wflw).records if r.image.name != "b c.jpg"]
    assert AppliedRule.BOX_DERIVED in record.rules and record.bbox[2] > record.bbox[0]


def test_nothing_there(tmp_path: Path):
    assert not is_wflw(tmp_path)
    with pytest.raises(BadInputError, match="no WFLW list"):
        read_wflw(tmp_path)
