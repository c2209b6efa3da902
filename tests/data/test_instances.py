import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.data import ImageInfo
from kpplugins.data.instances import (
    CUT_NOTE,
    DERIVED_NOTE,
    OUTSIDE_NOTE,
    SMALL_NOTE,
    find_image,
    make_record,
    to_number,
    true_division,
)
from kpplugins.structures import BadInputError

IMAGE = ImageInfo(Path("a.png"), 100, 80)


def record(points: list, **options):
    return make_record(IMAGE, np.array(points, dtype=float), source=Path("a"), where="a:1", **options)


def test_a_box_comes_from_the_points_with_margin_and_its_area_without():
    made = record([[10, 20, 2], [50, 40, 1], [99, 79, 0]])
    assert made.bbox.tolist() == [6, 16, 54, 44]  # longer side 40, margin 4
    assert made.area == 40 * 20
    assert made.keypoints.tolist() == [[10, 20, 2], [50, 40, 1], [0, 0, 0]]
    assert made.notes == (DERIVED_NOTE,)


def test_a_point_outside_is_unlabelled_and_noted():
    made = record([[10, 20, 2], [50, 40, 2], [99.5, 3, 2]])
    assert made.keypoints[2].tolist() == [0, 0, 0]
    assert made.notes == (OUTSIDE_NOTE, DERIVED_NOTE)


def test_a_single_point_gets_a_small_box():
    made = record([[10, 20, 2], [0, 0, 0]])
    assert made.bbox.tolist() == [8, 18, 12, 22]  # 5 % of 80 is 4
    assert made.area == 16
    assert made.notes == (SMALL_NOTE,)


def test_a_line_of_points_has_the_area_of_its_box_with_margin():
    made = record([[10, 20, 2], [50, 20, 2]])
    assert made.bbox.tolist() == [6, 16, 54, 24]
    assert made.area == 48 * 8


def test_a_given_box_is_kept_and_cut():
    assert record([[1, 1, 2]], box=np.array([0.0, 0, 100, 80])).bbox.tolist() == [0, 0, 99, 79]
    assert (
        record([[1, 1, 2]], box=np.array([0.0, 0, 100, 80])).notes == ()
    )  # a pixel is a matter of convention
    assert record([[1, 1, 2]], box=np.array([-9.0, 0, 50, 50])).notes == (CUT_NOTE,)
    assert record([[np.nan, np.nan, 0]], box=np.array([0.0, 0, 9, 9])).num_labelled == 0


@pytest.mark.parametrize(
    ("points", "options", "words"),
    [
        ([[np.nan, 1, 2]], {}, "point is not a number"),
        ([[1, np.inf, 1]], {}, "point is not a number"),
        ([[1, 1, 3]], {}, "unknown visibility.*found 3"),
        ([[1, 1, np.nan]], {}, "unknown visibility"),
        ([[-1, 1, 2]], {}, "every point lies outside"),
        ([[1, 1, 0]], {}, "neither a point nor a box"),
        ([[1, 1, 2]], {"box": np.array([5.0, 5, 5, 9])}, "box has no area"),
        ([[1, 1, 2]], {"box": np.array([9.0, 5, 5, 9])}, "box has no area"),
        ([[1, 1, 2]], {"box": np.array([np.nan, 5, 5, 9])}, "box has no area"),
        ([[1, 1, 2]], {"box": np.array([200.0, 5, 300, 9])}, "box has no area in its image"),
    ],
)
def test_wrong_instances_are_refused(points: list, options: dict, words: str):
    with pytest.raises(BadInputError, match=f"a:1: .*{words}"):
        record(points, **options)


@pytest.mark.parametrize(
    "value",
    ["nan", "inf", "", "x", "1_0", True, None, [1], 10**400, float("nan")],
    ids=lambda v: repr(v)[:12],
)
def test_only_finite_numbers_are_numbers(value: object):
    with pytest.raises(BadInputError, match="a:1: number is not a finite number"):
        to_number(value, "a:1")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../a.png", "outside its folder"),
        ("/etc/passwd", "absolute path"),
        ("C:\\a.png", "absolute path"),
        ("a\n.png", "no usable name"),
        ("\ud800.png", "no usable name"),
        (7, "no usable name"),
        ("x" * 5000 + ".png", "cannot be read|missing"),
        ("none.png", "image is missing"),
        ("bomb.png", "image cannot be read"),
    ],
    ids=lambda v: repr(v)[:12],
)
def test_bad_names_of_images(tmp_path: Path, name: object, words: str):
    data = bytearray(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
    data[16:24] = b"\x00\x10\x00\x00" * 2  # a width and height of 2**20
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(bytes(data))
    with pytest.raises(BadInputError, match=words) as caught:
        find_image(tmp_path, name, "list:3")
    assert str(caught.value).startswith("list:3: ")
    assert "\n" not in str(caught.value)


def test_a_set_with_one_part_is_not_divided():
    assert true_division({Path("a"): "train"}) == {}
    assert len(true_division({Path("a"): "train", Path("b"): "val"})) == 2
