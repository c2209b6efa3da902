"""Kaggle's facial keypoints: rows, subsets, faults."""

import csv
import io
import zipfile
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.data.annotation_set import UNLABELLED
from kpplugins.data.rule import AppliedRule
from kpplugins.formats.kaggle_faces.reader import (
    FOUR,
    KAGGLE_SCHEMA,
    NAMES,
    SIDE,
    is_kaggle_faces,
    read_faces,
    read_kaggle_faces,
)
from kpplugins.structures import BadInputError

HEADER = [f"{name}_{axis}" for name in NAMES for axis in "xy"] + ["Image"]
GREY = " ".join(str(i % 256) for i in range(SIDE * SIDE))


def row(labelled=NAMES, **changes: str) -> dict[str, str]:
    values = {
        f"{n}_{a}": str(10 + i + (a == "y") / 2) for i, n in enumerate(NAMES) for a in "xy" if n in labelled
    }
    return {**values, "Image": GREY, **changes}


def write(path: Path, *rows: dict) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER)
    writer.writeheader()
    writer.writerows(rows)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("training.csv", text.getvalue())
    else:
        path.write_text(text.getvalue())
    return path


@pytest.mark.parametrize("name", ["training.csv", "training.zip"])
def test_rows_become_records_and_images(tmp_path: Path, name: str):
    write(tmp_path / name, row(), row(FOUR))
    assert is_kaggle_faces(tmp_path) and is_kaggle_faces(tmp_path / name)
    images, reading = read_faces(tmp_path)
    assert images[0].shape == (96, 96)
    assert images[0].reshape(-1)[:3].tolist() == [0, 1, 2]
    assert [r.num_labelled for r in reading.records] == [15, 4]
    assert reading.records[0].keypoints[0].tolist() == [
        9.5,
        10,
        2,
    ]  # half a pixel from the corner to a centre


def test_subsets_by_the_number_of_points(tmp_path: Path):
    write(tmp_path / "training.csv", row(), row(FOUR), row(FOUR[:1]), row(()))
    sizes = {
        s: [r.num_labelled for r in read_faces(tmp_path, subset=s)[1].records] for s in ("15", "4", "all")
    }
    assert sizes == {"15": [15], "4": [4], "all": [15, 4, 1]}
    assert [read_faces(tmp_path, subset=s)[1].notes.counts for s in sizes] == [{UNLABELLED: 1}] * 3
    # the extracted image's name is the row's number in the file
    assert [r.image.name for r in read_faces(tmp_path, subset="4")[1].records] == ["00002.png"]


def test_images_are_extracted_without_loss(tmp_path: Path):
    write(tmp_path / "training.csv", row())
    (record,) = read_kaggle_faces(tmp_path, extract_to=tmp_path / "out").records
    assert cv2.imread(str(record.image), cv2.IMREAD_GRAYSCALE).reshape(-1)[:300].tolist() == [
        i % 256 for i in range(300)
    ]


def test_mirrored_points_change_sides():
    pairs = dict(KAGGLE_SCHEMA.flip_pairs)
    assert pairs["mouth_left_corner"] == "mouth_right_corner"
    assert len(pairs) == 6


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nose_tip_x": "abc"}, r"training\.csv:2: nose_tip_x is wrong.*'abc'"),
        ({"nose_tip_x": "inf"}, "nose_tip_x is wrong"),
        ({"nose_tip_x": ""}, "only one of x and y"),
        ({"Image": "1 2 3"}, "expected 9216 numbers from 0 to 255; found 3 values"),
        ({"Image": GREY.replace("255", "256")}, "not an image"),
        ({"Image": "a" + GREY}, "not an image"),
    ],
)
def test_a_bad_row_names_its_line(tmp_path: Path, changes: dict, words: str):
    write(tmp_path / "training.csv", row(**changes), row())
    with pytest.raises(BadInputError, match=words):
        read_faces(tmp_path)
    assert len(read_faces(tmp_path, skip_bad=True)[0]) == 1


def test_a_point_outside_is_unlabelled_and_counted(tmp_path: Path):
    write(tmp_path / "training.csv", row(nose_tip_y="97"))
    _, reading = read_faces(tmp_path)
    assert (reading.records[0].num_labelled, reading.rules) == (
        14,
        {AppliedRule.KEYPOINT_OUTSIDE: 1, AppliedRule.AREA_DERIVED: 1},
    )


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00", b"PK\x03\x04broken"])
@pytest.mark.parametrize("name", ["training.csv", "training.zip"])
def test_other_files_are_refused_by_name(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    assert not is_kaggle_faces(tmp_path)
    with pytest.raises(BadInputError, match=name.replace(".", r"\.")):
        read_faces(tmp_path)


def test_nothing_there_says_where_to_get_it(tmp_path: Path):
    with pytest.raises(BadInputError, match=r"kaggle\.com/c/facial-keypoints-detection"):
        read_faces(tmp_path)


def test_the_real_file(real_data: Path):
    _, reading = read_faces(real_data / "kaggle_faces")
    assert Counter(r.num_labelled for r in reading.records) == {15: 1200, 4: 600}
    four = [r for r in reading.records if r.num_labelled == 4]
    labelled = {KAGGLE_SCHEMA.keypoints[k] for r in four for k in np.flatnonzero(r.keypoints[:, 2])}
    assert labelled == set(FOUR)


def test_coordinates_up_to_96_are_on_the_image(tmp_path: Path):
    """Kaggle's images go from 0 to 96, pixel centres from 0.5 to 95.5, which are 0 to 95 here."""
    write(tmp_path / "training.csv", row(nose_tip_y="95.5", nose_tip_x="96"), row(nose_tip_y="96.2"))
    _, reading = read_faces(tmp_path)
    assert reading.records[0].keypoints[NAMES.index("nose_tip")].tolist() == [95, 95, 2]
    assert [r.num_labelled for r in reading.records] == [15, 14]
    assert reading.rules == {
        AppliedRule.KEYPOINT_MOVED: 1,
        AppliedRule.KEYPOINT_OUTSIDE: 1,
        AppliedRule.AREA_DERIVED: 2,
    }
