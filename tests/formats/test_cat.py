import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpplugins.data.rule import AppliedRule
from kpplugins.formats.cat import CAT_SCHEMA, parse_cat, read_cat
from kpplugins.structures import BadInputError

GOOD = "9 " + " ".join(str(n) for n in range(1, 19))


def test_parse_gives_x_y_rows():
    points = parse_cat(GOOD, "a.cat")
    assert points.shape == (9, 2)
    assert points[0].tolist() == [1, 2]
    assert points[8].tolist() == [17, 18]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"a\.cat:1: annotation is empty"),
        (" \n ", "annotation is empty"),
        ("9 1 2 3", "too short.*19 numbers.*found 4 numbers"),
        (GOOD + " 5", "too long.*found 20 numbers"),
        ("8" + GOOD[1:], "another number of keypoints.*expected 9.*found 8"),
        ("9 1 2\n3 four " + GOOD[10:], r"a\.cat:2: .*not a number.*'four'"),
        (GOOD.replace("18", "nan"), "not a number.*'nan'"),
        (GOOD.replace("18", "1e999"), "not a number"),
    ],
)
def test_wrong_content_names_file_line_expected_and_found(text: str, words: str):
    with pytest.raises(BadInputError, match=words):
        parse_cat(text, "a.cat")


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_in_one_line(text: str):
    try:
        assert parse_cat(text, "a.cat").shape == (9, 2)
    except BadInputError as error:
        assert "\n" not in str(error)


def test_box_is_the_points_box_with_margin(one_cat: Path):
    (record,) = read_cat(one_cat, margin=0.1).records
    # points run from (10, 20) to (50, 44): longer side 40, margin 4
    assert record.bbox.tolist() == [6, 16, 54, 48]
    assert record.area == pytest.approx(0.53 * 48 * 32)
    assert (record.width, record.height) == (100, 80)
    assert record.num_labelled == 9


def test_a_point_outside_the_image_is_unlabelled_and_counted(one_cat: Path):
    # one real file of CAT has y = -37
    (one_cat / "CAT_00" / "a.jpg.cat").write_text("9 10 -37 " + " ".join("30 40" for _ in range(8)))
    reading = read_cat(one_cat)
    assert reading.records[0].keypoints[0].tolist() == [0, 0, 0]
    assert reading.records[0].num_labelled == 8
    assert reading.rules == {
        AppliedRule.KEYPOINT_OUTSIDE: 1,
        AppliedRule.BOX_SMALL: 1,
        AppliedRule.AREA_DERIVED: 1,
    }


def test_flip_pairs_agree_with_mirrored_photographs(real_data: Path):
    """Mirroring a frontal cat and exchanging by the flip indices leaves every point near where it was."""
    records = read_cat(real_data / "cat").records
    assert [r.image.name for r in records] == ["MissingCat.jpg", "ModelCat.jpg"]
    by_ear_number = list(range(3)) + [6, 7, 8, 3, 4, 5]
    by_ear_number[0], by_ear_number[1] = 1, 0
    for record in records:
        points = record.keypoints[:, :2]
        middle = points[:, 0].mean()
        mirrored = np.stack([2 * middle - points[:, 0], points[:, 1]], axis=1)

        def mismatch(order: list[int], mirrored: np.ndarray = mirrored, points: np.ndarray = points) -> float:
            return float(np.linalg.norm(mirrored[order] - points, axis=1).mean())

        assert mismatch(CAT_SCHEMA.flip_indices) < 0.5 * mismatch(by_ear_number)


def test_the_photographs_are_read_as_they_are_written(real_data: Path):
    record = read_cat(real_data / "cat").records[0]
    image = cv2.imread(str(record.image))
    assert (record.height, record.width) == image.shape[:2]
    assert record.keypoints[:3, :2].tolist() == [[189, 98], [235, 101], [213, 142]]


def _missing_image(folder: Path) -> None:
    (folder / "b.jpg.cat").write_text(GOOD)


def _missing_annotation(folder: Path) -> None:
    (folder / "b.jpg").write_bytes((folder / "a.jpg").read_bytes())


def _truncated(folder: Path) -> None:
    (folder / "b.jpg").write_bytes((folder / "a.jpg").read_bytes()[:-20])
    (folder / "b.jpg.cat").write_text(GOOD)


def _empty_image(folder: Path) -> None:
    (folder / "b.jpg").write_bytes(b"")
    (folder / "b.jpg.cat").write_text(GOOD)


def _no_image(folder: Path) -> None:
    (folder / "b.jpg").write_text("<html>not found</html>")
    (folder / "b.jpg.cat").write_text(GOOD)


def _binary_annotation(folder: Path) -> None:
    (folder / "b.jpg").write_bytes((folder / "a.jpg").read_bytes())
    (folder / "b.jpg.cat").write_bytes(b"\xff\xfe9\x00")


def _all_outside(folder: Path) -> None:
    (folder / "b.jpg").write_bytes((folder / "a.jpg").read_bytes())
    (folder / "b.jpg.cat").write_text("9 " + "-5 -5 " * 9)


FAULTS = {
    _missing_image: "annotation without image",
    _missing_annotation: "image without annotation",
    _truncated: "truncated",
    _empty_image: "0 bytes",
    _no_image: "not an image",
    _binary_annotation: "not text",
    _all_outside: "every keypoint lies outside",
}


@pytest.mark.parametrize("make", FAULTS, ids=lambda f: f.__name__)
def test_a_bad_file_stops_unless_skipped_and_is_never_silent(
    make, one_cat: Path, caplog: pytest.LogCaptureFixture
):
    make(one_cat / "CAT_00")
    with pytest.raises(BadInputError, match=rf"b\.jpg.*{FAULTS[make]}.*--skip-bad"):
        read_cat(one_cat)
    with caplog.at_level(logging.WARNING):
        reading = read_cat(one_cat, skip_bad=True)
    assert [r.image.name for r in reading.records] == ["a.jpg"]
    assert "skipped 1 of 2: 1 ×" in caplog.text
    assert FAULTS[make] in caplog.text


def test_a_missing_folder_says_where_to_get_it_and_how_to_draw(tmp_path: Path):
    with pytest.raises(
        BadInputError, match=r"kaggle\.com/datasets/crawford/cat-dataset.*kpplugins dataset sample cat"
    ):
        read_cat(tmp_path / "nothing")


def test_an_empty_folder_is_no_dataset(tmp_path: Path):
    with pytest.raises(BadInputError, match="no cats here"):
        read_cat(tmp_path)


def test_folders_can_be_chosen(drawn_cats: Path):
    chosen = read_cat(drawn_cats, folders=("CAT_00",)).records
    assert {r.image.parent.name for r in chosen} == {"CAT_00"}
    with pytest.raises(BadInputError, match="CAT_99 is missing"):
        read_cat(drawn_cats, folders=("CAT_99",))


def test_a_folder_of_cats_itself_is_read_too(one_cat: Path):
    assert len(read_cat(one_cat / "CAT_00").records) == 1
