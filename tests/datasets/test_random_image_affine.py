import numpy as np
import pytest

import kpplugins.register  # noqa: F401
from kpplugins.datasets.transforms import RandomImageAffine

SIZE = (100, 50)


class Fixed(RandomImageAffine):
    """One that does not draw."""

    def __init__(self, shift=(0, 0), zoom=1.0, degrees=0.0):
        super().__init__(SIZE)
        self.fixed = np.array(shift, float), zoom, degrees

    def draw(self):
        return self.fixed


def sample(boxes: list, points: list | None = None, crowd: list | None = None) -> dict:
    """In an image of the size of the input."""
    n = len(boxes)
    return {
        "img": np.zeros((SIZE[1], SIZE[0], 3), np.uint8),
        "bbox": np.array(boxes, np.float32).reshape(n, 4),
        "keypoints": np.array(points or [[50, 25]] * n, np.float32).reshape(n, 1, 2),
        "keypoints_visible": np.ones((n, 1), np.float32),
        "bbox_score": np.ones(n, np.float32),
        "area": np.full(n, 80, np.float32),
        "category_id": np.ones(n, np.int64),
        "iscrowd": np.array(crowd or [0] * n, np.int64),
        "id": np.arange(1, n + 1),
    }


PER_INSTANCE = [key for key in sample([]) if key not in ("img", "id")]


def test_nothing_drawn_is_the_identity():
    before = sample([[10, 5, 30, 45], [0, 0, 99, 49]])
    after = Fixed().transform(sample([[10, 5, 30, 45], [0, 0, 99, 49]]))
    for key in PER_INSTANCE:
        np.testing.assert_array_equal(after[key], before[key], strict=True)


def test_what_leaves_the_image():
    """Shifted by 20 pixels to the left: boxes are cut, ignored where little is left, and gone where nothing is."""
    boxes = [[10, 10, 30, 20], [1, 10, 22, 20], [0, 10, 15, 20], [60, 10, 70, 20]]
    points = [[25, 15], [19.6, 15], [5, 15], [65, 15]]
    after = Fixed(shift=(0.2, 0)).transform(sample(boxes, points))
    assert after["id"] == [1, 2, 4]
    assert after["bbox"].tolist() == [[-0.5, 10, 10, 20], [-0.5, 10, 2, 20], [40, 10, 50, 20]]
    assert after["iscrowd"].tolist() == [0, 1, 0]  # of the second 2.5 of 21 are left
    assert after["keypoints"][:, 0].tolist() == [
        [5, 15],
        [0, 15],
        [45, 15],
    ]  # -0.4 is still the border's pixel
    assert after["keypoints_visible"].tolist() == [[1], [1], [1]]
    assert after["area"].tolist() == pytest.approx([80 * 10.5 / 20, 80 * 2.5 / 21, 80])
    assert all(len(after[key]) == 3 for key in PER_INSTANCE)


def test_points_that_leave_are_invisible():
    after = Fixed(shift=(0.2, 0)).transform(sample([[10, 10, 60, 20]], [[19, 15]]))
    assert after["keypoints_visible"].tolist() == [[0]]


def test_a_zoom_scales_boxes_and_area():
    after = Fixed(zoom=0.5).transform(sample([[10, 5, 30, 45]], [[10, 5]]))
    box = [
        49.5 - 39.5 / 2,
        24.5 - 19.5 / 2,
        49.5 - 19.5 / 2,
        24.5 + 20.5 / 2,
    ]  # from the middle, (49.5, 24.5)
    assert after["bbox"][0].tolist() == pytest.approx(box)
    assert after["area"].tolist() == [20]
    assert after["keypoints"][0, 0].tolist() == after["bbox"][0, :2].tolist()


def test_no_instances():
    after = Fixed(degrees=7).transform(sample([]))
    assert all(len(after[key]) == 0 for key in PER_INSTANCE)
    assert after["keypoints"].shape == (0, 1, 2)


def test_it_stays_within_its_limits():
    np.random.seed(0)
    step = RandomImageAffine(SIZE, zoom=(0.9, 1.2), shift=0.1, degrees=5)
    shifts, zooms, degrees = zip(*(step.draw() for _ in range(2000)), strict=True)
    assert 0.099 < np.abs(shifts).max() <= 0.1
    assert 0.9 <= min(zooms) < 0.901 and 1.199 < max(zooms) <= 1.2
    assert 4.98 < np.abs(degrees).max() <= 5
