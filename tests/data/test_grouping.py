from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpplugins.data import ImageInfo, grouping
from kpplugins.data.grouping import (
    BoxMark,
    Instance,
    Mark,
    Page,
    assemble,
    corners_of_sides,
    group_marks,
)
from kpplugins.structures import BadInputError

BIG, SMALL = (0.0, 0.0, 50.0, 50.0), (10.0, 10.0, 20.0, 20.0)


def page(*instances: Instance, name: str = "a.jpg") -> Page:
    return Page(ImageInfo(Path(name), 100, 80), Path("a.json"), "a.json", instances)


def read(*pages: Page, **options):
    return assemble(Path("a.json"), pages, [], **{"margin": 0.1, "skip_bad": False, **options})


def shape_of(instances: tuple[Instance, ...]) -> list[tuple[str, list[str]]]:
    return [(i.category, [m.name for m in i.marks]) for i in instances]


def test_a_group_joins_points_and_their_box():
    marks = [Mark("a", 1, 1, group="1"), Mark("b", 2, 2, group="2"), Mark("b", 3, 3, group="1")]
    found = group_marks(marks, [BoxMark(BIG, "cat", "2")], "f")
    assert shape_of(found) == [("cat", ["b"]), ("object", ["a", "b"])]
    assert found[0].corners == BIG and found[1].corners is None


def test_a_point_without_group_goes_to_the_smallest_box_around_it_and_that_is_counted():
    found = group_marks([Mark("a", 15, 15), Mark("a", 40, 40)], [BoxMark(BIG, "x"), BoxMark(SMALL, "y")], "f")
    assert shape_of(found) == [("x", ["a"]), ("y", ["a"])]
    assert found[0].notes == () and found[1].notes == (grouping.SEVERAL_NOTE,)


def test_without_boxes_all_points_are_one_instance():
    assert shape_of(group_marks([Mark("a", 1, 1), Mark("b", 9, 9)], [], "f")) == [("object", ["a", "b"])]


def test_polygons_of_a_group_make_one_box_and_a_rectangle_goes_before_them():
    polygons = [BoxMark(SMALL, "p", "1", exact=False), BoxMark((15, 5, 30, 12), "p", "1", exact=False)]
    assert group_marks([], polygons, "f")[0].corners == (10, 5, 30, 20)
    (both,) = group_marks([], [*polygons, BoxMark(BIG, "r", "1")], "f")
    assert (both.corners, both.category) == (BIG, "r")


def test_a_box_without_points_is_an_unlabelled_instance():
    record = read(page(Instance((), SMALL)), names=["a"]).records[0]
    assert record.num_labelled == 0 and record.bbox.tolist() == list(SMALL) and record.area == 100
    assert record.notes == (grouping.EMPTY_NOTE,)


@pytest.mark.parametrize(
    ("marks", "boxes", "words"),
    [
        ([Mark("a", 60, 60)], [BoxMark(BIG)], "'a' lies in no box.*group"),
        ([Mark("a", 12, 12)], [BoxMark(SMALL), BoxMark(SMALL)], "two boxes of one size"),
        ([Mark("a", 1, 1), Mark("a", 2, 2)], [], "'a' occurs twice"),
        ([Mark("a", 1, 1, group="1")] * 2, [], "'a' occurs twice"),
        ([], [BoxMark(BIG, group="1"), BoxMark(SMALL, group="1")], "two boxes in one group"),
    ],
)
def test_what_cannot_be_told_is_refused(marks: list[Mark], boxes: list[BoxMark], words: str):
    with pytest.raises(BadInputError, match=f"^f: .*{words}"):
        group_marks(marks, boxes, "f")


def test_a_rectangle_is_turned_clockwise_around_its_corner_or_centre():
    # (0, 0)-(4, 2) by 90° clockwise around (0, 0), y downwards: (x, y) -> (-y, x)
    assert np.allclose(corners_of_sides(0, 0, 4, 2, "f", degrees=90), (-2, 0, 0, 4))
    # around its centre (2, 1): 2 wide, 4 high
    assert np.allclose(corners_of_sides(0, 0, 4, 2, "f", degrees=90, centred=True), (1, -1, 3, 3))
    assert corners_of_sides(1, 2, 3, 4, "f") == (1, 2, 4, 6)
    with pytest.raises(BadInputError, match="no size"):
        corners_of_sides(0, 0, -4, 2, "f")


def test_the_schema_is_declared_names_then_first_seen_and_absent_points_are_zero():
    first = Instance((Mark("nose", 10, 10), Mark("left_eye", 20, 30, occluded=True)))
    second = Instance((Mark("right_eye", 5, 5), Mark("nose", 9, 9)))
    reading = read(page(first), page(second, name="b.jpg"), names=["tail"], skeleton=[("tail", "nose")])
    assert reading.schema.keypoints == ("tail", "nose", "left_eye", "right_eye")
    assert reading.schema.flip_pairs == (("left_eye", "right_eye"),)
    assert reading.schema.skeleton == (("tail", "nose"),)
    assert reading.records[0].keypoints.tolist() == [[0, 0, 0], [10, 10, 2], [20, 30, 1], [0, 0, 0]]
    # points from (10, 10) to (20, 30): longer side 20, margin 2
    assert reading.records[0].bbox.tolist() == [8, 8, 22, 32] and reading.records[0].area == 200
    assert reading.notes == {grouping.DERIVED_NOTE: 2}


def test_a_point_outside_the_image_is_absent_and_counted():
    record = read(page(Instance((Mark("a", -1, 5), Mark("b", 99, 79), Mark("c", 99.5, 5)), BIG))).records[0]
    assert record.keypoints[:, 2].tolist() == [0, 2, 0]  # inside is 0 … W - 1
    assert record.notes == (grouping.OUTSIDE_NOTE,) * 2


def test_points_without_extent_get_a_box_of_a_tenth_of_the_image():
    record = read(page(Instance((Mark("a", 50, 2),)))).records[0]
    assert record.bbox.tolist() == [45, 0, 55, 7] and record.area == 70  # side 10, cut at the top
    assert grouping.LONE_NOTE in record.notes


def test_a_box_beyond_the_image_is_cut_and_one_outside_is_a_fault():
    record = read(page(Instance((Mark("a", 1, 1),), (-5, 0, 50, 200)))).records[0]
    assert record.bbox.tolist() == [0, 0, 50, 79] and record.notes == (grouping.CUT_NOTE,)
    with pytest.raises(BadInputError, match="box lies outside the image"):
        read(page(Instance((Mark("a", 1, 1),), (100, 0, 120, 20))))
    with pytest.raises(BadInputError, match="every point lies outside"):
        read(page(Instance((Mark("a", -1, 1),))))


def test_images_without_instances_are_backgrounds_and_a_image_counts_once():
    good = page(Instance((Mark("a", 1, 1), Mark("b", 9, 9))))
    reading = read(good, page(name="empty.jpg"))
    assert [p.path.name for p in reading.backgrounds] == ["empty.jpg"]
    with pytest.raises(BadInputError, match="annotated twice"):
        read(good, good)
    with pytest.raises(BadInputError, match="annotated twice"):
        read(good, page())
    assert len(read(good, page(), skip_bad=True).records) == 1


def test_nothing_labelled_and_a_wrong_margin_are_refused():
    with pytest.raises(BadInputError, match="no keypoints here"):
        read(page())
    fault = BadInputError("broken", where="x.json")
    with pytest.raises(BadInputError, match=r"x\.json: broken.*--skip-bad"):
        assemble(Path("a"), [], [fault], margin=0, skip_bad=False)
    with pytest.raises(BadInputError, match="no keypoints here.*1 bad, the first: x.json: broken"):
        assemble(Path("a"), [], [fault], margin=0, skip_bad=True)
    with pytest.raises(BadInputError, match="margin"):
        read(page(), margin=float("nan"))


coordinate = st.integers(0, 60).map(float)
boxes_of = st.builds(
    lambda x, y, w, h, g: BoxMark((x, y, x + w, y + h), "c", g),
    coordinate,
    coordinate,
    st.integers(1, 50),
    st.integers(1, 50),
    st.sampled_from(["", "", "1", "2"]),
)
marks_of = st.builds(
    Mark, st.sampled_from("abcd"), coordinate, coordinate, st.booleans(), st.sampled_from(["", "1", "2", "3"])
)


@given(st.lists(marks_of, max_size=8), st.lists(boxes_of, max_size=4))
def test_no_point_is_lost_or_doubled(marks: list[Mark], boxes: list[BoxMark]):
    try:
        found = group_marks(marks, boxes, "f")
    except BadInputError as error:
        assert "\n" not in str(error)
        return
    key = str
    assert sorted((m for i in found for m in i.marks), key=key) == sorted(marks, key=key)
    assert len([i for i in found if i.corners]) == len(boxes)
