import numpy as np
import pytest

from kpplugins.structures import BadInputError, BoxLayout

# a box of 40×20 whose points lie at a quarter and three quarters of its width, half way down
POINTS = np.array([[[10.0, 10.0], [30.0, 10.0]]])
BOXES = np.array([[0.0, 0.0, 40.0, 20.0]])


def layout() -> BoxLayout:
    return BoxLayout.measure(POINTS, np.ones((1, 2), bool), BOXES)


def test_places_are_in_units_of_the_longer_side_from_the_centre():
    assert layout().places == ((-0.25, 0.0), (0.25, 0.0))
    assert layout().size == (1.0, 0.5)


def test_a_box_is_laid_around_points_as_in_training():
    # the same shape, twice as large and moved by (100, 50)
    box = layout().box_around(POINTS[0] * 2 + [100, 50], np.ones(2, bool))
    assert box.tolist() == [100, 50, 180, 90]


def test_a_turned_object_keeps_its_points_in_the_box():
    # upright instead of lying: 20 apart as in training, so the scale is 1 and the box 40×20 about (5, 10)
    box = layout().box_around(np.array([[5.0, 0.0], [5.0, 20.0]]), np.ones(2, bool))
    assert box.tolist() == [-15, -2, 25, 22]  # a twentieth of 40 beyond the points, above and below


def test_doubtful_points_do_not_count_and_too_few_give_no_box():
    three = BoxLayout(((-0.25, 0.0), (0.25, 0.0), (0.0, 0.4)), (1.0, 1.0))
    points = np.array([[10.0, 10.0], [30.0, 10.0], [900.0, 900.0]])
    assert three.box_around(points, np.array([True, True, False])).tolist() == [0, -10, 40, 30]
    assert three.box_around(points, np.array([True, False, False])) is None
    assert three.box_around(np.ones((3, 2)), np.ones(3, bool)) is None


def test_missing_labels_do_not_count():
    keypoints = np.concatenate([POINTS, POINTS * np.nan])
    boxes = np.concatenate([BOXES, BOXES])
    labelled = np.array([[True, True], [False, False]])
    assert BoxLayout.measure(keypoints, labelled, boxes).places == layout().places


def test_json_round_trip_and_faults(tmp_path):
    path = tmp_path / "boxes.json"
    layout().save(path)
    assert BoxLayout.load(path, 2) == layout()
    with pytest.raises(BadInputError, match="another number of keypoints; expected 3; found 2"):
        BoxLayout.load(path, 3)
    path.write_text("{}")
    with pytest.raises(BadInputError, match=r"boxes\.json"):
        BoxLayout.load(path, 2)
