from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.data.annotation_set import UNLABELLED
from kpplugins.data.rule import AppliedRule
from kpplugins.formats.faces.ibug_pts import is_ibug_pts, parse_pts, read_ibug_pts
from kpplugins.formats.open_source import open_source
from kpplugins.structures import BadInputError


def pts(points: list[tuple[float, float]], stated: int | None = None) -> str:
    rows = "\n".join(f"{x:.6f} {y:.6f} " for x, y in points)
    return f"version: 1\nn_points:  {len(points) if stated is None else stated}\n{{\n{rows}\n}}\n"


FACE = [(11.0 + i, 21.0 + i % 30) for i in range(68)]


def face(folder: Path, name: str, text: str | None = None, ending: str = ".png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / (name + ending)), np.zeros((90, 100, 3), np.uint8))
    (folder / f"{name}.pts").write_text(pts(FACE) if text is None else text)
    return folder


def test_positions_count_from_one(tmp_path: Path):
    """x 11 … 78 and y 21 … 50 in the file are 10 … 77 and 20 … 49 here."""
    (record,) = read_ibug_pts(face(tmp_path, "a")).records
    assert record.keypoints[0].tolist() == [10, 20, 2] and record.keypoints[67].tolist() == [77, 27, 2]
    assert record.category == "face" and (record.width, record.height) == (100, 90)
    # 67×29, a tenth of 67 on each side
    assert record.bbox.tolist() == pytest.approx([3.3, 13.3, 83.7, 55.7])


def test_the_folders_of_300w_give_the_usual_division(tmp_path: Path):
    for place in ("afw", "helen/trainset", "helen/testset", "ibug"):
        face(tmp_path / place, "a", ending=".JPG" if place == "afw" else ".png")
    reading = open_source(tmp_path)[1]
    assert reading.schema.name == "300w"
    assert {p.relative_to(tmp_path).parent.as_posix(): s for p, s in reading.splits.items()} == {
        "afw": "train", "helen/trainset": "train", "helen/testset": "test", "ibug": "test",
    }  # fmt: skip
    face(tmp_path / "mine", "b")
    assert read_ibug_pts(tmp_path).splits == {}


def test_images_without_a_file_are_unlabelled(tmp_path: Path):
    face(tmp_path / "one", "a"), face(tmp_path / "two", "b")
    for place in ("one/c.png", "two/c.png", "two/d.png"):
        cv2.imwrite(str(tmp_path / place), np.zeros((90, 100, 3), np.uint8))
    reading = read_ibug_pts(tmp_path)
    assert len(reading.records) == 2 and not reading.backgrounds and reading.notes.counts == {UNLABELLED: 3}


def test_a_keypoint_outside_is_absent(tmp_path: Path):
    (record,) = read_ibug_pts(face(tmp_path, "a", pts([(0.5, 5.0), *FACE[1:]]))).records
    assert record.keypoints[0].tolist() == [0, 0, 0]
    assert AppliedRule.KEYPOINT_OUTSIDE in record.rules


def test_other_numbers_of_keypoints_may_be_named(tmp_path: Path):
    folder = face(tmp_path, "a", pts(FACE[:5]))
    assert read_ibug_pts(folder).schema.keypoints == tuple(f"kpt_{i}" for i in range(5))
    names = ["left_eye", "right_eye", "nose", "left_mouth", "right_mouth"]
    reading = read_ibug_pts(folder, names=names)
    assert reading.schema.keypoints == tuple(names) and ("left_eye", "right_eye") in reading.schema.flip_pairs


def test_what_most_files_have_is_expected_of_all(tmp_path: Path):
    face(tmp_path, "a", pts(FACE[:5]))
    face(tmp_path, "b")
    face(tmp_path, "c")
    with pytest.raises(BadInputError, match=r"a\.pts: another number of keypoints; expected 68; found 5"):
        read_ibug_pts(tmp_path)


FAULTS = {
    "cut": ("version: 1\nn_points: 68\n{\n1 2\n", "is cut off"),
    "count": (pts(FACE, 67), "number of points differs.*67.*68"),
    "no count": ("version: 1\n{\n1 2\n}\n", "number of points differs"),
    "word": (pts(FACE).replace("11.000000", "x"), r":4: coordinate is wrong"),
    "three": (pts(FACE).replace("11.000000", "1 1"), r":4: not a point"),
    "prose": ("version: 1\nhello\n", r":2: not a line"),
    "other": (pts(FACE[:5]), "another number of keypoints"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_bad_file_is_named_with_its_line_and_can_be_skipped(case: str, tmp_path: Path):
    text, words = FAULTS[case]
    face(tmp_path, "a")
    face(tmp_path, "b", text)
    with pytest.raises(BadInputError, match=rf"b\.pts.*{words}"):
        read_ibug_pts(tmp_path)
    assert len(read_ibug_pts(tmp_path, skip_bad=True).records) == 1


def test_each_file_has_one_image(tmp_path: Path):
    face(tmp_path, "a")
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((90, 100, 3), np.uint8))
    with pytest.raises(BadInputError, match="fits two images"):
        read_ibug_pts(tmp_path)
    (tmp_path / "a.jpg").unlink()
    (tmp_path / "a.png").unlink()
    with pytest.raises(BadInputError, match="image is missing"):
        read_ibug_pts(tmp_path)


def test_what_is_not_pts(tmp_path: Path):
    assert not is_ibug_pts(tmp_path)
    (tmp_path / "a.pts").write_text("1 2\n")
    assert not is_ibug_pts(tmp_path)
    with pytest.raises(BadInputError, match="no .pts file here"):
        read_ibug_pts(tmp_path / "gone")
    assert parse_pts("n_points: 1\n{\n1 1\n}", "x").tolist() == [[0, 0]]
