from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpplugins.data.annotation_set import UNLABELLED
from kpplugins.formats.deeplabcut.reader import is_deeplabcut
from kpplugins.formats.lightning_pose import is_lightning_pose, read_lightning_pose
from kpplugins.structures import BadInputError

TABLE = """scorer,rick,rick,rick,rick
bodyparts,paw_l,paw_l,paw_r,paw_r
coords,x,y,x,y
labeled-data/séance 1/img00.png,10.5,20,30,40
labeled-data/séance 1/img01.png,5,6,,
labeled-data/séance 1/img02.png,,,,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three frames of 100×80, in a folder with an accent and a space in its name."""
    root = tmp_path / "data"
    frames = root / "labeled-data" / "séance 1"
    frames.mkdir(parents=True)
    encoded = cv2.imencode(".png", np.full((80, 100, 3), 127, np.uint8))[1].tobytes()
    for i in range(4):
        (frames / f"img0{i}.png").write_bytes(encoded)
    (root / "CollectedData.csv").write_text(TABLE, encoding="utf-8")
    return root


def test_the_table_is_read(folder: Path):
    assert is_lightning_pose(folder) and not is_deeplabcut(folder)
    reading = read_lightning_pose(folder)
    assert reading.schema.keypoints == ("paw_l", "paw_r")
    assert reading.schema.flip_pairs == (("paw_l", "paw_r"),)
    first, second = reading.records
    assert first.keypoints.tolist() == [[10.5, 20, 2], [30, 40, 2]]
    assert first.bbox.tolist() == [8.5, 18, 32, 42]  # longer side 20, margin 2
    assert second.keypoints.tolist() == [[5, 6, 2], [0, 0, 0]]
    assert second.bbox.tolist() == [0, 1, 10, 11]  # a single keypoint: a tenth of 100
    assert reading.backgrounds == [] and reading.notes.counts == {UNLABELLED: 1}
    negatives = read_lightning_pose(folder, negatives=True)
    assert [p.path.name for p in negatives.backgrounds] == ["img02.png"] and not negatives.notes.counts
    assert len(read_lightning_pose(folder / "CollectedData.csv").records) == 2


def test_tables_are_read_together(folder: Path):
    more = "".join(TABLE.splitlines(keepends=True)[:3]) + "labeled-data/séance 1/img03.png,1,2,3,4\n"
    (folder / "CollectedData_new.csv").write_text(more, encoding="utf-8")
    assert len(read_lightning_pose(folder).records) == 3
    (folder / "CollectedData_new.csv").write_text(more.replace("paw_l", "tail"), encoding="utf-8")
    with pytest.raises(BadInputError, match=r"_new\.csv:2: has other body parts.*paw_l, paw_r.*tail"):
        read_lightning_pose(folder)


def test_views_with_other_body_parts_are_categories(folder: Path):
    (folder / "CollectedData.csv").rename(
        folder / "top.csv"
    )  # any name, as config.yaml of Lightning Pose allows
    side = "".join(TABLE.splitlines(keepends=True)[:3]).replace("paw_l", "tail")
    (folder / "side.csv").write_text(side + "labeled-data/séance 1/img03.png,1,2,30,40\n", encoding="utf-8")
    (folder / "predictions.csv").write_text("scorer,r,r,r\nbodyparts,a,a,a\ncoords,x,y,likelihood\n")
    assert is_lightning_pose(folder)
    reading = read_lightning_pose(folder)
    assert reading.schema.keypoints == ("tail", "paw_r", "paw_l")
    assert reading.category_keypoints == {"side": ("tail", "paw_r"), "top": ("paw_l", "paw_r")}
    assert [(r.category, r.keypoints[:, 2].tolist()) for r in reading.records] == [
        ("side", [2, 2, 0]),
        ("top", [0, 2, 2]),
        ("top", [0, 0, 2]),
    ]
    assert reading.notes.lines == ["views with different body parts, a category each: side, top"]


def test_the_images_of_another_machine_are_found_by_the_end_of_their_paths(folder: Path):
    away = "/home/rick/project/labeled-data/séance 1/"
    (folder / "CollectedData.csv").write_text(TABLE.replace("labeled-data/séance 1/", away), encoding="utf-8")
    reading = read_lightning_pose(folder)
    assert len(reading.records) == 2
    assert "3 images found by the end of a path of another machine" in reading.notes.lines[0]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (TABLE, "", "annotation is empty"),
        ("coords,x", "coords,X", "other columns"),
        ("10.5", "1O.5", r"CollectedData\.csv:4: coordinate is wrong"),
        ("10.5", "1e999", r"csv:4: coordinate is wrong"),
        ("10.5,", ",", r"csv:4: point has one coordinate"),
        ("10.5,", "10.5,,", r"csv:4: row has another length"),
        ("labeled-data/séance 1/img00.png", "/data/img90.png", "absolute path"),
        ("labeled-data/séance 1/img00.png", "../img00.png", "outside its folder"),
        ("img00.png", "img99.png", r"csv:4: image is missing"),
        ("img01.png", "img00.png", r"csv:5: image has two rows"),
        ("bodyparts,", "individuals,a,a,a,a\nbodyparts,", "several individuals"),
    ],
)
def test_bad_tables(folder: Path, old: str, new: str, words: str):
    (folder / "CollectedData.csv").write_text(TABLE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInputError, match=words) as caught:
        read_lightning_pose(folder)
    assert "\n" not in str(caught.value)


def test_other_bytes_and_nothing(folder: Path):
    (folder / "CollectedData.csv").write_bytes(TABLE.encode("latin-1"))
    with pytest.raises(BadInputError, match="not UTF-8 text"):
        read_lightning_pose(folder)
    assert not is_lightning_pose(folder / "none")
    with pytest.raises(BadInputError, match="no Lightning Pose labels here"):
        read_lightning_pose(folder / "labeled-data")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(TABLE)), st.text(max_size=6))
def test_changed_text_is_read_or_refused_in_one_line(folder: Path, at: int, new: str):
    changed = (TABLE[:at] + new + TABLE[at + len(new) :]).encode("utf-8", "surrogatepass")
    (folder / "CollectedData.csv").write_bytes(changed)
    try:
        for record in read_lightning_pose(folder).records:
            assert np.isfinite(record.keypoints).all()
    except BadInputError as error:
        assert "\n" not in str(error)
