from pathlib import Path

import numpy as np
import pytest

from kpplugins.data import ImageInfo
from kpplugins.data.record_builder import build_record
from kpplugins.data.rule import AppliedRule
from kpplugins.structures import BadInputError

IMAGE = ImageInfo(Path("a.png"), 100, 80)


def record(points: list, **options):
    return build_record(IMAGE, np.array(points, dtype=float), source=Path("a"), where="a:1", **options)


def test_a_box_comes_from_the_keypoints_with_margin_and_the_area_from_the_box():
    made = record([[10, 20, 2], [50, 40, 1], [99, 79, 0]])
    assert made.bbox.tolist() == [6, 16, 54, 44]  # longer side 40, margin 4
    assert made.area == pytest.approx(0.53 * 48 * 28)
    assert made.keypoints.tolist() == [[10, 20, 2], [50, 40, 1], [0, 0, 0]]
    assert made.rules == (AppliedRule.BOX_DERIVED, AppliedRule.AREA_DERIVED)


def test_a_point_outside_is_unlabelled_and_noted():
    made = record([[10, 20, 2], [50, 40, 2], [100.5, 3, 2]])
    assert made.keypoints[2].tolist() == [0, 0, 0]
    assert made.rules == (AppliedRule.KEYPOINT_OUTSIDE, AppliedRule.BOX_DERIVED, AppliedRule.AREA_DERIVED)


def test_a_point_on_the_border_is_inside():
    """Pixels' edges reach from 0 to the width, their centres to the width less one."""
    made = record([[100, 80, 2], [99.5, 3, 1], [99, 79, 2], [100, 81, 2], [100, 3, 0]])
    assert made.keypoints.tolist() == [[99, 79, 2], [99, 3, 1], [99, 79, 2], [0, 0, 0], [0, 0, 0]]
    assert made.rules[:3] == (
        AppliedRule.KEYPOINT_OUTSIDE,
        AppliedRule.KEYPOINT_MOVED,
        AppliedRule.KEYPOINT_MOVED,
    )
    assert record([[99.5, 3, 2], [1, 1, 2]], border=0).num_labelled == 1


def test_a_box_without_size_is_derived_if_there_are_keypoints():
    given = record([[10, 20, 2], [50, 40, 1]], box=np.zeros(4))
    assert given.bbox.tolist() == [6, 16, 54, 44]
    assert given.rules == (
        AppliedRule.BOX_WITHOUT_SIZE,
        AppliedRule.BOX_DERIVED,
        AppliedRule.AREA_DERIVED,
    )
    line = record([[10, 20, 2], [10, 40, 1]], box=np.array([10.0, 20, 10, 40]))
    assert line.bbox.tolist() == [8, 18, 12, 42]  # longer side 20, margin 2


def test_a_single_point_gets_a_small_box():
    made = record([[10, 20, 2], [0, 0, 0]])
    assert made.bbox.tolist() == [5, 15, 15, 25]  # a tenth of 100
    assert made.area == 53
    assert made.rules == (AppliedRule.BOX_SMALL, AppliedRule.AREA_DERIVED)


def test_a_line_of_keypoints_has_a_box_by_its_margin():
    made = record([[10, 20, 2], [50, 20, 2]])
    assert made.bbox.tolist() == [6, 16, 54, 24]
    assert made.area == pytest.approx(0.53 * 48 * 8)


def test_a_given_box_is_kept_and_cut():
    assert record([[1, 1, 2]], box=np.array([0.0, 0, 100, 80])).bbox.tolist() == [0, 0, 99, 79]
    assert (
        record([[1, 1, 2]], box=np.array([0.0, 0, 100, 80]), area=7).rules == ()
    )  # a pixel is a matter of convention
    assert record([[1, 1, 2]], box=np.array([-9.0, 0, 50, 50])).rules == (
        AppliedRule.BOX_CUT,
        AppliedRule.AREA_DERIVED,
    )
    assert record([[np.nan, np.nan, 0]], box=np.array([0.0, 0, 9, 9])).num_labelled == 0


@pytest.mark.parametrize(
    ("points", "options", "words"),
    [
        ([[np.nan, 1, 2]], {}, "keypoint is not a number"),
        ([[1, np.inf, 1]], {}, "keypoint is not a number"),
        ([[1, 1, 3]], {}, "visibility must be 0, 1 or 2.*found 3"),
        ([[1, 1, np.nan]], {}, "visibility must be 0, 1 or 2"),
        ([[-1, 1, 2]], {}, "every keypoint lies outside"),
        ([[1, 1, 0]], {}, "neither a keypoint nor a box"),
        ([[1, 1, 0]], {"box": np.array([5.0, 5, 5, 9])}, "box has no area"),
        ([[-1, 1, 2]], {"box": np.array([5.0, 5, 5, 5])}, "box has no area"),
        ([[1, 1, 2]], {"box": np.array([9.0, 5, 5, 9])}, "box has no area"),
        ([[1, 1, 2]], {"box": np.array([np.nan, 5, 5, 9])}, "box has no area"),
        ([[1, 1, 2]], {"box": np.array([200.0, 5, 300, 9])}, "box has no area in its image"),
    ],
)
def test_wrong_instances_are_refused(points: list, options: dict, words: str):
    with pytest.raises(BadInputError, match=f"a:1: .*{words}"):
        record(points, **options)


def test_a_category_with_an_endless_name(tmp_path: Path):
    with pytest.raises(BadInputError, match="a.json: name of a category is too long; expected at most 200"):
        build_record(
            ImageInfo(tmp_path / "a.png", 100, 80), np.array([[10.0, 10, 2]]), source=tmp_path, where="a.json",
            category="x" * 201,
        )  # fmt: skip
