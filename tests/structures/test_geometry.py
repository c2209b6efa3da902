import numpy as np

from kpplugins.structures.geometry import (
    box_area,
    box_areas,
    box_from_points,
    box_overlaps,
    clip_box,
    inside_image,
    xyxy_to_xywh,
)


def test_the_border_pixels_are_inside_and_half_a_pixel_beyond_is_not():
    points = np.array([[0, 0], [9, 4], [9.5, 4], [9, 4.5], [-0.1, 0], [np.nan, 1]])
    assert inside_image(points, 10, 5).tolist() == [True, True, False, False, False, False]


def test_box_grows_by_its_longer_side_in_all_directions():
    points = np.array([[10.0, 20.0], [30.0, 25.0], [999.0, 999.0]])
    # labelled: x 10-30, y 20-25; longer side 20, so 2 more on each side at 0.1
    box = box_from_points(points, np.array([1, 1, 0]), margin=0.1)
    assert box.tolist() == [8.0, 18.0, 32.0, 27.0]
    assert box_area(box) == 24 * 9


def test_a_box_of_nothing_is_zero():
    assert box_from_points(np.ones((3, 2)), np.zeros(3)).tolist() == [0, 0, 0, 0]


def test_clipping_and_coco_boxes():
    assert clip_box(np.array([-5.0, 2.0, 50.0, 60.0]), 40, 30).tolist() == [0, 2, 39, 29]
    assert xyxy_to_xywh(np.array([[1.0, 2.0, 4.0, 8.0]])).tolist() == [[1, 2, 3, 6]]
    assert box_area(np.array([5.0, 5.0, 4.0, 9.0])) == 0


def test_many_boxes_at_once():
    boxes = np.array([[-5.0, 2, 3, 50], [4, 4, 2, 9], [0, 0, np.inf, 1]])
    cut = clip_box(boxes, np.array([10, 10, 3]), np.array([20, 20, 4]))
    assert cut.tolist() == [[0, 2, 3, 19], [4, 4, 2, 9], [0, 0, 2, 1]]
    assert box_areas(boxes).tolist() == [8 * 48, 0, np.inf]
    assert inside_image(boxes[:, None, 2:], np.array([[10], [10], [9]]), np.array([[20], [20], [9]])).tolist() == [
        [False], [True], [False],
    ]  # fmt: skip


def test_the_iou_of_each_pair_of_boxes():
    one = np.array([[0, 0, 10, 10], [20, 20, 30, 30]], float)
    other = np.array([[5, 0, 15, 10], [20, 20, 30, 30], [3, 3, 3, 9]], float)
    # 50 of 150 are shared; the last box is flat
    assert np.allclose(box_overlaps(one, other), [[1 / 3, 0, 0], [0, 1, 0]])
    assert box_overlaps(one, np.zeros((0, 4))).shape == (2, 0)
