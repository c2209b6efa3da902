from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpplugins.codecs.circle_heatmap import CircleHeatmap
from kpplugins.codecs.circle_maps import draw_circles, peaks, pixels_of, weighted_means
from kpplugins.datasets.transforms.crop_around_keypoints import CropAroundKeypoints
from kpplugins.formats.cat import read_cat
from kpplugins.structures import BadInputError

SIZE = dict(input_size=(64, 64), heatmap_size=(64, 64))


@st.composite
def cut_and_point(draw: st.DrawFn, inside: int) -> tuple[np.ndarray, np.ndarray]:
    """A cut of the canvas, and an input point at least ``inside`` canvas pixels from its edges."""
    low = np.array([draw(st.integers(0, 88)) for _ in range(2)])
    high = np.array([draw(st.integers(int(v) + 40, 128)) for v in low])
    on_canvas = [
        draw(st.floats(v + inside, w - 1 - inside, allow_subnormal=False))
        for v, w in zip(low, high, strict=True)
    ]
    point = (np.array(on_canvas) - low + 0.5) * 64 / (high - low) - 0.5
    return np.concatenate([low, high]), point[None, None]


def _round_trip(codec: CircleHeatmap, box: np.ndarray, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The error in input pixels by axis, and an input pixel's canvas pixels."""
    encoded = codec.encode(point, np.ones((1, 1)), crop_box=box)
    assert encoded["keypoint_weights"].tolist() == [[1]]
    decoded, scores = codec.decode(encoded["heatmaps"])
    assert decoded.shape == (1, 1, 2) and scores.shape == (1, 1)
    assert 0.5 < scores[0, 0] <= 1
    return np.abs(decoded - point)[0, 0], 64 / (box[2:] - box[:2])


@settings(deadline=None, max_examples=200)
@given(cut_and_point(inside=3))
def test_argmax_is_within_half_a_canvas_pixel_and_half_a_cell(case):
    error, zoom = _round_trip(CircleHeatmap(**SIZE), *case)
    assert (error <= 0.5 * zoom + 0.5 + 0.01).all()


@settings(deadline=None, max_examples=200)
@given(cut_and_point(inside=5))
def test_the_mean_is_within_half_a_canvas_pixel_and_a_tenth_of_a_cell(case):
    error, zoom = _round_trip(CircleHeatmap(**SIZE, decode="mean"), *case)
    assert (error <= 0.5 * zoom + 0.1).all()


@settings(deadline=None, max_examples=200)
@given(cut_and_point(inside=0), st.sampled_from(["argmax", "mean"]))
def test_at_the_borders_it_is_within_three_canvas_pixels_and_half_a_cell(case, decode):
    error, zoom = _round_trip(CircleHeatmap(**SIZE, decode=decode), *case)
    assert (error <= 3 * zoom + 0.5 + 0.01).all()


@pytest.mark.parametrize("around", ["keypoints", "box"])
def test_the_labels_are_those_drawn_by_hand_with_opencv(drawn_cats: Path, around: str):
    """In uint8 as the recipe draws them; within one and a half of 255 steps, by the rounding of uint8."""
    transform, codec = CropAroundKeypoints(around=around), CircleHeatmap(**SIZE)
    for record in read_cat(drawn_cats).records:
        image = cv2.imread(str(record.image))
        height, width = image.shape[:2]
        points = record.keypoints[:3, :2]
        x, y = ((points + 0.5) * [128 / width, 128 / height] - 0.5).T
        places = np.stack([np.floor(x + 0.5), np.floor(y + 0.5)], axis=1).astype(int)
        results = transform({
            "img": image, "keypoints": points[None].astype(np.float32), "keypoints_visible": np.ones((1, 3)),
            "bbox": record.bbox[None].astype(np.float32),
        })  # fmt: skip
        if around == "keypoints":
            x1, y1 = np.maximum(places.min(axis=0) - 20, 0)
            x2, y2 = places.max(axis=0) + 20
        else:
            x1, y1, x2, y2 = results["crop_box"]
        encoded = codec.encode(
            results["transformed_keypoints"], results["keypoints_visible"], results["crop_box"]
        )
        assert encoded["heatmaps"].shape == (3, 64, 64) and encoded["heatmaps"].dtype == np.float32
        assert encoded["keypoint_weights"].tolist() == [[1, 1, 1]]
        for place, found in zip(places, encoded["heatmaps"], strict=True):
            label = np.zeros((128, 128), np.uint8)
            cv2.circle(label, center=(int(place[0]), int(place[1])), radius=2, color=255, thickness=2)
            label = cv2.GaussianBlur(label, (5, 5), 0)
            label = cv2.resize(label[y1:y2, x1:x2], (64, 64))
            assert np.abs(found * 255 - label).max() <= 1.5
            assert label.max() > 150 and found.min() >= 0 and found.max() <= 1


def test_the_disc_by_hand():
    # radius 2 and thickness 2 fill rows of 3, 5, 7, 7, 7, 5 and 3 pixels around (10, 8)
    (disc,) = draw_circles(np.array([[[10, 8]]]), np.array([[True]]), (20, 20), blur=1)
    assert disc.sum(axis=1)[4:13].tolist() == [0, 3, 5, 7, 7, 7, 5, 3, 0]
    assert disc.sum(axis=0)[6:15].tolist() == [0, 3, 5, 7, 7, 7, 5, 3, 0]
    (blurred,) = draw_circles(np.array([[[10, 8]]]), np.array([[True]]), (20, 20))
    assert (blurred == blurred.max()).sum() == 1 and blurred[8, 10] == pytest.approx(1)
    assert blurred.sum() == pytest.approx(37, abs=1e-3)  # a filter moves values about and loses none


def test_absent_and_outside_points_have_no_weight_and_empty_maps():
    points = np.array([[[30.0, 30.0], [30.0, 30.0], [90.0, 30.0], [np.nan, 3.0]]])
    encoded = CircleHeatmap(**SIZE).encode(
        points, np.array([[1.0, 0.0, 1.0, 1.0]]), crop_box=np.array([20, 20, 90, 90])
    )
    assert encoded["keypoint_weights"].tolist() == [[1, 0, 0, 0]]
    assert [bool(m.any()) for m in encoded["heatmaps"]] == [True, False, False, False]


def test_without_a_cut_the_input_is_the_whole_canvas():
    # input (10, 20) of 64×64 is (20.5, 40.5) of 128×128, rounded to (21, 41): in cells (10.25, 20.25)
    heatmaps = CircleHeatmap(**SIZE).encode(np.array([[[10.0, 20.0]]]))["heatmaps"]
    assert weighted_means(heatmaps)[0] == pytest.approx([10.25, 20.25], abs=0.02)


def test_heatmaps_smaller_than_the_input():
    codec = CircleHeatmap(input_size=(128, 64), heatmap_size=(32, 16), canvas_size=(64, 64), decode="mean")
    point = np.array([[[60.0, 31.0]]])
    decoded, _ = codec.decode(codec.encode(point)["heatmaps"])
    # a canvas pixel is 2 wide and 1 high, a cell 4 by 4
    assert np.abs(decoded - point)[0, 0] == pytest.approx([0, 0], abs=1.5)


def test_a_background_draws_the_mean_to_the_middle_and_a_threshold_cures_it():
    place = np.array([[[20, 12]]])
    maps = draw_circles(place, np.array([[True]]), (64, 64)) + np.float32(37 / 64**2)
    # as heavy as the disc, and centred at 31.5: half of the way there
    assert weighted_means(maps)[0] == pytest.approx([(20 + 31.5) / 2, (12 + 31.5) / 2], abs=0.01)
    assert weighted_means(maps, 0.3)[0] == pytest.approx([20, 12], abs=0.01)
    codec = CircleHeatmap(**SIZE, decode="mean", threshold=0.3)
    assert codec.decode(maps)[0][0, 0] == pytest.approx([20, 12], abs=0.01)
    assert CircleHeatmap(**SIZE).decode(maps)[0][0, 0].tolist() == [20, 12]


def test_negative_values_weigh_nothing_and_a_map_without_any_gives_its_middle():
    maps = np.full((2, 5, 9), -1.0, np.float32)
    maps[0, 1, 7] = 0.5
    assert weighted_means(maps).tolist() == [[7, 1], [4, 2]]
    places, values = peaks(maps)
    assert places.tolist() == [[7, 1], [0, 0]] and values.tolist() == [0.5, -1]


def test_rounding_is_the_same_by_way_of_float32():
    assert pixels_of(np.array([0.4, 0.5, 1.5, -0.5])).tolist() == [0, 1, 2, 0]
    assert pixels_of(np.float32([63.499996])).tolist() == [64]


@pytest.mark.parametrize(
    "wrong",
    [
        dict(input_size=(64,)), dict(heatmap_size=(64, 0)), dict(canvas_size=128), dict(radius=-1),
        dict(thickness=0), dict(blur=4), dict(decode="softmax"), dict(threshold=1.0),
    ],
    ids=lambda w: next(iter(w)),
)  # fmt: skip
def test_wrong_arguments_are_named(wrong: dict):
    with pytest.raises(BadInputError, match=rf"codec\.{next(iter(wrong))}.*expected .*found"):
        CircleHeatmap(**{**SIZE, **wrong})


def test_a_cut_of_another_canvas_is_refused_with_both_numbers():
    with pytest.raises(BadInputError, match=r"\[0, 0, 200, 200\].*128×128"):
        CircleHeatmap(**SIZE).encode(np.ones((1, 1, 2)), crop_box=np.array([0, 0, 200, 200]))


def test_one_instance_at_a_time():
    with pytest.raises(ValueError, match="found 2"):
        CircleHeatmap(**SIZE).encode(np.ones((2, 1, 2)))
