"""What Kaggle asks for, and the file that answers it."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from kpplugins.formats.kaggle_faces.reader import FOUR, NAMES
from kpplugins.formats.kaggle_faces.test_file import Asked, read_lookup, read_test_faces, write_submission
from kpplugins.structures import BadInputError


def test_faces_and_rows_are_read(kaggle_folder: Path):
    faces = read_test_faces(kaggle_folder)
    assert list(faces) == [1, 2, 3]
    assert {f.shape for f in faces.values()} == {(96, 96)}
    asked = read_lookup(kaggle_folder)
    assert len(asked) == 30 + 8 + 8
    assert asked[0] == Asked(1, 1, "left_eye_center_x")


def test_the_answer_is_clipped_to_the_image_and_in_order(tmp_path: Path):
    asked = [
        Asked(1, 7, "nose_tip_x"),
        Asked(2, 7, "nose_tip_y"),
        Asked(3, 8, "nose_tip_x"),
        Asked(5, 8, "nose_tip_y"),
    ]
    found = {7: np.array([[-3.0, 50.25]]), 8: np.array([[95.5, 100.0]])}
    clipped = write_submission(asked, found, ["nose_tip"], tmp_path / "new/answer.csv")
    assert clipped == 2  # -3 and 100; 95.5 is the border itself, half a pixel from the last centre
    assert (tmp_path / "new/answer.csv").read_text().splitlines() == [
        "RowId,Location", "1,0.00000", "2,50.75000", "3,96.00000", "5,96.00000",
    ]  # fmt: skip
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["answer.csv"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked(4, 7, "left_eye_center_x"), "RowId 4.*point 'left_eye_center'"),
        (Asked(9, 1, "nose_tip_x"), "RowId 9.*face 1"),
    ],
)
def test_what_was_not_found_is_named_and_nothing_is_written(tmp_path: Path, asked: Asked, words: str):
    with pytest.raises(BadInputError, match=words):
        write_submission([asked], {7: np.zeros((1, 2))}, ["nose_tip"], tmp_path / "answer.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("test.csv", "ImageId,Image\n1,1 2 3\n", r"test\.csv:2: Image is not an image"),
        ("test.csv", "ImageId,Photo\n", "column Image"),
        ("test.csv", "ImageId,Image\nx,1\n", "ImageId is wrong"),
        ("IdLookupTable.csv", "RowId,ImageId,FeatureName\n1,1,nose\n", "unknown feature.*'nose'"),
        ("IdLookupTable.csv", "RowId,ImageId,FeatureName\n1.5,1,nose_tip_x\n", "not a whole number.*'1.5'"),
    ],
)
def test_bad_files_name_their_line(tmp_path: Path, name: str, content: str, words: str):
    (tmp_path / name).write_text(content)
    with pytest.raises(BadInputError, match=words):
        (read_test_faces if name == "test.csv" else read_lookup)(tmp_path)


def test_missing_files_and_a_face_twice(kaggle_folder: Path, tmp_path: Path):
    for read, name in ((read_test_faces, "test.csv"), (read_lookup, "IdLookupTable.csv")):
        with pytest.raises(BadInputError, match=f"no {name}.*kaggle"):
            read(tmp_path)
    shutil.copy(kaggle_folder / "test.csv", tmp_path)
    lines = (tmp_path / "test.csv").read_text().splitlines()
    (tmp_path / "test.csv").write_text("\n".join([*lines, lines[1]]) + "\n")
    with pytest.raises(BadInputError, match="ImageId twice"):
        read_test_faces(tmp_path)


def test_the_real_files(real_data: Path):
    faces, asked = read_test_faces(real_data / "kaggle_faces"), read_lookup(real_data / "kaggle_faces")
    assert (len(faces), len(asked)) == (400, 9074)
    assert {row.image for row in asked} == set(faces)
    assert {row.feature.rsplit("_", 1)[0] for row in asked} == set(NAMES) > set(FOUR)
