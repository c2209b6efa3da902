from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpplugins.data import ImageInfo
from kpplugins.data.grouping import (
    DrawnBox,
    DrawnKeypoint,
    Instance,
    Page,
    assemble,
    corners_of_sides,
    group_shapes,
)
from kpplugins.data.rule import AppliedRule
from kpplugins.structures import BadInputError

BIG, SMALL = (0.0, 0.0, 50.0, 50.0), (10.0, 10.0, 20.0, 20.0)


def page(*instances: Instance, name: str = "a.jpg") -> Page:
    return Page(ImageInfo(Path(name), 100, 80), Path("a.json"), "a.json", instances)


def read(*pages: Page, **options):
    return assemble(Path("a.json"), pages, [], **{"margin": 0.1, "skip_bad": False, **options})


def shape_of(instances: tuple[Instance, ...]) -> list[tuple[str, list[str]]]:
    return [(i.category, [m.name for m in i.keypoints]) for i in instances]


def test_a_group_joins_points_and_their_box():
    marks = [
        DrawnKeypoint("a", 1, 1, group="1"),
        DrawnKeypoint("b", 2, 2, group="2"),
        DrawnKeypoint("b", 3, 3, group="1"),
    ]
    found = group_shapes(marks, [DrawnBox(BIG, "cat", "2")], "f")
    assert shape_of(found) == [("cat", ["b"]), ("object", ["a", "b"])]
    assert found[0].corners == BIG and found[1].corners is None


def test_a_point_without_group_goes_to_the_smallest_box_around_it_and_that_is_counted():
    found = group_shapes(
        [DrawnKeypoint("a", 15, 15), DrawnKeypoint("a", 40, 40)],
        [DrawnBox(BIG, "x"), DrawnBox(SMALL, "y")],
        "f",
    )
    assert shape_of(found) == [("x", ["a"]), ("y", ["a"])]
    assert found[0].rules == () and found[1].rules == (AppliedRule.KEYPOINT_IN_SEVERAL_BOXES,)


@pytest.mark.parametrize("end", ["-occluded", "_Occluded", ".hidden", " (occluded)", " invisible"])
def test_a_label_may_say_that_its_keypoint_is_occluded(end: str):
    (instance,) = group_shapes([DrawnKeypoint(f"a{end}", 1, 1), DrawnKeypoint("b", 9, 9)], [], "f")
    assert [(k.name, k.occluded) for k in instance.keypoints] == [("a", True), ("b", False)]
    assert instance.rules == (AppliedRule.OCCLUDED_BY_LABEL,)
    names = ["a", "b", f"b{end}"]
    assert read(page(instance), names=names).schema.keypoints == ("a", "b")
    whole = DrawnKeypoint("occluded", 1, 1)
    assert group_shapes([whole], [], "f")[0].keypoints == (whole,)
    with pytest.raises(BadInputError, match="'a' occurs twice"):
        group_shapes([DrawnKeypoint("a", 1, 1), DrawnKeypoint(f"a{end}", 2, 2)], [], "f")


def test_a_flat_box_counts_only_in_a_group_with_keypoints():
    flat = (10.0, 10.0, 10.0, 20.0)
    found = group_shapes([DrawnKeypoint("a", 10, 15, group="1")], [DrawnBox(flat, "cat", "1")], "f")
    assert shape_of(found) == [("cat", ["a"])] and found[0].corners == flat
    for group in ("", "2"):
        with pytest.raises(BadInputError, match="f: box has no size"):
            group_shapes([DrawnKeypoint("a", 10, 15, group="1")], [DrawnBox(flat, "cat", group)], "f")


def test_without_boxes_all_points_are_one_instance():
    assert shape_of(group_shapes([DrawnKeypoint("a", 1, 1), DrawnKeypoint("b", 9, 9)], [], "f")) == [
        ("object", ["a", "b"])
    ]


def test_polygons_of_a_group_make_one_box_and_a_rectangle_goes_before_them():
    polygons = [DrawnBox(SMALL, "p", "1", exact=False), DrawnBox((15, 5, 30, 12), "p", "1", exact=False)]
    assert group_shapes([], polygons, "f")[0].corners == (10, 5, 30, 20)
    (both,) = group_shapes([], [*polygons, DrawnBox(BIG, "r", "1")], "f")
    assert (both.corners, both.category) == (BIG, "r")


def test_a_box_without_points_is_an_unlabelled_instance():
    record = read(page(Instance((), SMALL)), names=["a"]).records[0]
    assert record.num_labelled == 0 and record.bbox.tolist() == list(SMALL) and record.area == 53
    assert record.rules == (AppliedRule.BOX_ALONE, AppliedRule.AREA_DERIVED)


@pytest.mark.parametrize(
    ("marks", "boxes", "words"),
    [
        ([DrawnKeypoint("a", 60, 60)], [DrawnBox(BIG)], "'a' is in no box.*group"),
        ([DrawnKeypoint("a", 12, 12)], [DrawnBox(SMALL), DrawnBox(SMALL)], "two boxes of the same size"),
        ([DrawnKeypoint("a", 1, 1), DrawnKeypoint("a", 2, 2)], [], "'a' occurs twice"),
        ([DrawnKeypoint("a", 1, 1, group="1")] * 2, [], "'a' occurs twice"),
        ([], [DrawnBox(BIG, group="1"), DrawnBox(SMALL, group="1")], "two boxes in one group"),
    ],
)
def test_what_cannot_be_told_is_refused(marks: list[DrawnKeypoint], boxes: list[DrawnBox], words: str):
    with pytest.raises(BadInputError, match=f"^f: .*{words}"):
        group_shapes(marks, boxes, "f")


def test_a_rectangle_is_turned_clockwise_around_its_corner_or_centre():
    # (0, 0)-(4, 2) by 90° clockwise around (0, 0), y downwards: (x, y) -> (-y, x)
    assert np.allclose(corners_of_sides(0, 0, 4, 2, "f", degrees=90), (-2, 0, 0, 4))
    # around its centre (2, 1): 2 wide, 4 high
    assert np.allclose(corners_of_sides(0, 0, 4, 2, "f", degrees=90, centred=True), (1, -1, 3, 3))
    assert corners_of_sides(1, 2, 3, 4, "f") == (1, 2, 4, 6)
    with pytest.raises(BadInputError, match="no size"):
        corners_of_sides(0, 0, -4, 2, "f")


def test_the_schema_is_declared_names_then_first_seen_and_absent_points_are_zero():
    first = Instance((DrawnKeypoint("nose", 10, 10), DrawnKeypoint("left_eye", 20, 30, occluded=True)))
    second = Instance((DrawnKeypoint("right_eye", 5, 5), DrawnKeypoint("nose", 9, 9)))
    reading = read(page(first), page(second, name="b.jpg"), names=["tail"], skeleton=[("tail", "nose")])
    assert reading.schema.keypoints == ("tail", "nose", "left_eye", "right_eye")
    assert reading.schema.flip_pairs == (("left_eye", "right_eye"),)
    assert reading.schema.skeleton == (("tail", "nose"),)
    assert reading.records[0].keypoints.tolist() == [[0, 0, 0], [10, 10, 2], [20, 30, 1], [0, 0, 0]]
    # points from (10, 10) to (20, 30): longer side 20, margin 2
    assert reading.records[0].bbox.tolist() == [8, 8, 22, 32]
    assert reading.records[0].area == pytest.approx(0.53 * 14 * 24)
    assert reading.rules == {AppliedRule.BOX_DERIVED: 2, AppliedRule.AREA_DERIVED: 2}


def test_a_point_outside_the_image_is_absent_and_counted():
    record = read(
        page(
            Instance((DrawnKeypoint("a", -1, 5), DrawnKeypoint("b", 99, 79), DrawnKeypoint("c", 101, 5)), BIG)
        )
    ).records[0]
    assert record.keypoints[:, 2].tolist() == [0, 2, 0]  # inside is 0 … W
    assert record.rules == (
        AppliedRule.KEYPOINT_OUTSIDE,
        AppliedRule.KEYPOINT_OUTSIDE,
        AppliedRule.AREA_DERIVED,
    )


def test_points_without_extent_get_a_box_of_a_tenth_of_the_image():
    record = read(page(Instance((DrawnKeypoint("a", 50, 2),)))).records[0]
    assert record.bbox.tolist() == [45, 0, 55, 7]  # side 10, cut at the top
    assert record.area == pytest.approx(0.53 * 70)
    assert AppliedRule.BOX_SMALL in record.rules


def test_a_box_beyond_the_image_is_cut_and_one_outside_is_a_fault():
    record = read(page(Instance((DrawnKeypoint("a", 1, 1),), (-5, 0, 50, 200)))).records[0]
    assert record.bbox.tolist() == [0, 0, 50, 79] and record.rules == (
        AppliedRule.BOX_CUT,
        AppliedRule.AREA_DERIVED,
    )
    with pytest.raises(BadInputError, match="box has no area in its image"):
        read(page(Instance((DrawnKeypoint("a", 1, 1),), (100, 0, 120, 20))))
    with pytest.raises(BadInputError, match="every keypoint lies outside"):
        read(page(Instance((DrawnKeypoint("a", -1, 1),))))


def test_images_without_instances_are_backgrounds_and_a_image_counts_once():
    good = page(Instance((DrawnKeypoint("a", 1, 1), DrawnKeypoint("b", 9, 9))))
    reading = read(good, page(name="empty.jpg"))
    assert [p.path.name for p in reading.backgrounds] == ["empty.jpg"]
    with pytest.raises(BadInputError, match="annotated twice"):
        read(good, good)
    with pytest.raises(BadInputError, match="annotated twice"):
        read(good, page())
    other = page(Instance((DrawnKeypoint("a", 3, 3),)), name="other.jpg")
    reading = read(good, page(), other, skip_bad=True)  # of the image that is annotated twice nothing is sure
    assert [r.image.name for r in reading.records] == ["other.jpg"]
    assert not reading.backgrounds


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
    lambda x, y, w, h, g: DrawnBox((x, y, x + w, y + h), "c", g),
    coordinate,
    coordinate,
    st.integers(1, 50),
    st.integers(1, 50),
    st.sampled_from(["", "", "1", "2"]),
)
marks_of = st.builds(
    DrawnKeypoint,
    st.sampled_from("abcd"),
    coordinate,
    coordinate,
    st.booleans(),
    st.sampled_from(["", "1", "2", "3"]),
)


@given(st.lists(marks_of, max_size=8), st.lists(boxes_of, max_size=4))
def test_no_point_is_lost_or_doubled(marks: list[DrawnKeypoint], boxes: list[DrawnBox]):
    try:
        found = group_shapes(marks, boxes, "f")
    except BadInputError as error:
        assert "\n" not in str(error)
        return
    key = str
    assert sorted((m for i in found for m in i.keypoints), key=key) == sorted(marks, key=key)
    assert len([i for i in found if i.corners]) == len(boxes)
