import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpplugins.datasets.transforms.crop_around_keypoints import CropAroundKeypoints
from kpplugins.structures import BadInputError


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (90, 200, 3), dtype=np.uint8)


def _sample(image: np.ndarray, points: list, visible: list | None = None) -> dict:
    return {
        "img": image,
        "keypoints": np.array([points], np.float32),
        "keypoints_visible": np.array([visible or [1] * len(points)], np.float32),
        "bbox": np.array([[10, 10, 150, 80]], np.float32),
    }


def _found_back(results: dict, points: np.ndarray) -> np.ndarray:
    """MMPose's way from the input to the image."""
    scale, size = results["input_scale"], results["input_size"]
    return points / size * scale + results["input_center"] - 0.5 * scale


def test_the_input_is_what_opencv_makes_by_hand(image: np.ndarray):
    # at 128×128: (80.5, 30.5) · (0.64, 1.4222) - 0.5 = (51.02, 42.88); (120.5, 50.5) gives (76.62, 71.32)
    results = CropAroundKeypoints()(_sample(image, [[80, 30], [120, 50]]))
    assert results["crop_box"].tolist() == [51 - 20, 43 - 20, 77 + 20, 71 + 20]
    by_hand = cv2.resize(cv2.resize(image, (128, 128))[23:91, 31:97], (64, 64))
    assert np.array_equal(results["img"], by_hand)
    assert results["input_size"] == (64, 64)


def test_the_proportions_can_be_kept(image: np.ndarray):
    # 200×90 becomes 128×57, with 35 black rows above and 36 below; (80.5, 30.5) · 0.64 - 0.5 = (51.02, 18.82 + …)
    results = CropAroundKeypoints(keep_aspect=True, around="box")(_sample(image, [[80, 30]]))
    small = cv2.copyMakeBorder(cv2.resize(image, (128, 57)), 35, 36, 0, 0, cv2.BORDER_CONSTANT)
    x1, y1, x2, y2 = results["crop_box"]
    assert np.array_equal(results["img"], cv2.resize(small[y1:y2, x1:x2], (64, 64)))
    assert (y1, y2) == (35 + 6, 35 + 50 + 1)  # (10.5, 80.5) · 57/90 - 0.5 = (6.15, 50.48)
    assert _found_back(results, results["transformed_keypoints"])[0, 0] == pytest.approx([80, 30], abs=1e-4)


FRACTIONS = st.floats(0, 1)


@settings(deadline=None)
@given(
    st.integers(20, 700), st.integers(20, 700), st.booleans(), st.booleans(),
    st.lists(st.tuples(FRACTIONS, FRACTIONS), min_size=1, max_size=4),
)  # fmt: skip
def test_points_come_back_and_lie_inside(width, height, udp, keep, places):
    points = np.array(places) * [width - 1, height - 1]
    sample = _sample(np.zeros((height, width, 3), np.uint8), points.tolist())
    results = CropAroundKeypoints(use_udp=udp, keep_aspect=keep)(sample)
    moved = results["transformed_keypoints"]
    # a point at the very edge of an image that is enlarged lies half a pixel outside of its last pixel's centre
    assert (moved > -4).all() and (moved < 67).all()
    decoded = moved * 64 / 63 if udp else moved  # UDPHeatmap gives first to last pixel as 0 to 64
    assert np.abs(_found_back(results, decoded)[0] - points).max() < 1e-3 * max(width, height)


def test_a_pixel_of_the_input_shows_what_is_there_in_the_image():
    """By a bright dot, not by formulas."""
    for udp, keep in [(False, False), (True, False), (False, True)]:
        image = np.zeros((256, 512, 3), np.uint8)
        cv2.circle(image, (300, 100), 12, (255, 255, 255), -1)
        results = CropAroundKeypoints(use_udp=udp, keep_aspect=keep)(_sample(image, [[300, 100], [250, 140]]))
        bright = results["img"][..., 0].astype(float)
        y, x = np.mgrid[:64, :64]
        centre = np.array([(bright * x).sum(), (bright * y).sum()]) / bright.sum()
        assert centre == pytest.approx(results["transformed_keypoints"][0, 0], abs=0.2)
        assert _found_back(results, centre * 64 / 63 if udp else centre) == pytest.approx([300, 100], abs=1)


def test_absent_points_do_not_count(image: np.ndarray):
    one = CropAroundKeypoints()(_sample(image, [[80, 30], [0, 0]], [1, 0]))
    assert one["crop_box"].tolist() == [31, 23, 71, 63]


def test_the_cut_ends_with_the_image(image: np.ndarray):
    results = CropAroundKeypoints()(_sample(image, [[0, 0], [199, 89]]))
    assert results["crop_box"].tolist() == [0, 0, 128, 128]


@pytest.mark.parametrize(
    "box", [(10, 10, 150, 80), (3.2, 4.1, 3.3, 4.2), (-90, -90, -50, -50), (500, 0, 900, 89)]
)
def test_a_sample_without_points_is_cut_at_its_box(image: np.ndarray, box: tuple):
    results = CropAroundKeypoints()({"img": image, "bbox": np.array([box], np.float32)})
    x1, y1, x2, y2 = results["crop_box"]
    assert results["img"].shape == (64, 64, 3)
    assert 0 <= x1 < x2 <= 128 and 0 <= y1 < y2 <= 128
    if (
        box[0] == 10
    ):  # (10.5, 10.5) and (150.5, 80.5) · (0.64, 1.4222) - 0.5 = (6.22, 14.43) and (95.82, 113.99)
        assert (x1, y1, x2, y2) == (6, 14, 97, 115)
    assert results["keypoints_visible"].shape == (1, 1, 1)


def test_the_box_that_is_looked_into_in_the_images_pixels(image: np.ndarray):
    for keep in (False, True):
        transform, sample = CropAroundKeypoints(keep_aspect=keep), _sample(image, [[80, 30], [120, 50]])
        corners = transform.box_of({**sample, "ori_shape": (90, 200)}).reshape(2, 2)
        results = transform(sample)
        assert _found_back(results, np.array([[-0.5, -0.5], [63.5, 63.5]])) == pytest.approx(corners)


def test_jitter_moves_each_side_and_follows_the_seed(image: np.ndarray):
    transform = CropAroundKeypoints(jitter=5)
    np.random.seed(0)
    boxes = np.array([transform(_sample(image, [[80, 30], [120, 50]]))["crop_box"] for _ in range(60)])
    assert np.abs(boxes - [31, 23, 97, 91]).max(axis=0).tolist() == [5, 5, 5, 5]
    np.random.seed(0)
    again = transform(_sample(image, [[80, 30], [120, 50]]))
    assert again["crop_box"].tolist() == boxes[0].tolist()
    back = _found_back(again, again["transformed_keypoints"])
    assert back[0] == pytest.approx(np.array([[80, 30], [120, 50]]), abs=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        dict(around="truth"),
        dict(margin=0),
        dict(jitter=-1),
        dict(input_size=(64, 1)),
        dict(canvas_size=(128,)),
    ],
    ids=lambda w: next(iter(w)),
)
def test_wrong_arguments_are_named(wrong: dict):
    with pytest.raises(BadInputError, match=rf"CropAroundKeypoints\.{next(iter(wrong))}.*expected .*found"):
        CropAroundKeypoints(**wrong)
