import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.models.pose_estimators import BottomupPoseEstimator
from mmpose.structures import PoseDataSample

import kpplugins.register  # noqa: F401
from kpplugins.datasets.transforms import ImageAffine, RandomImageAffine
from kpplugins.datasets.transforms.image_affine import (
    FLIP_CODES,
    FLIP_LATER,
    REDUCED_FROM,
    moved_boxes,
    reduced,
    warped,
)


def sample(width: int, height: int, boxes: list, points: list, visible: list) -> dict:
    n = len(boxes)
    return {
        "img": np.zeros((height, width, 3), np.uint8),
        "bbox": np.array(boxes, np.float32).reshape(n, 4),
        "keypoints": np.array(points, np.float32).reshape(n, 2, 2),
        "keypoints_visible": np.array(visible, np.float32).reshape(n, 2),
        "area": np.full(n, 100, np.float32),
        "iscrowd": np.zeros(n, np.int64),
    }


def mapped_back(results: dict) -> tuple[np.ndarray, np.ndarray]:
    """Points and boxes where MMPose's estimator puts them in the original image."""
    found = InstanceData(
        keypoints=results["keypoints"], bboxes=results["bbox"], keypoint_scores=results["keypoints_visible"]
    )
    meta = {key: results[key] for key in ("input_size", "input_center", "input_scale")}
    (done,) = BottomupPoseEstimator.add_pred_to_datasample(
        None, [found], None, [PoseDataSample(metainfo=meta)]
    )
    return done.pred_instances.keypoints, done.pred_instances.bboxes


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (300, 500), (64, 64), (31, 17)])
@pytest.mark.parametrize("size", [(256, 256), (320, 192), (192, 320)])
def test_what_is_found_is_mapped_back_exactly(width: int, height: int, size: tuple):
    generator = np.random.default_rng(0)
    points = generator.uniform(0, [width - 1, height - 1], (5, 2, 2))
    points[0] = [[0, 0], [width - 1, height - 1]]
    corners = np.sort(points, axis=1).reshape(5, 4)
    results = ImageAffine(size).transform(sample(width, height, corners, points, np.ones((5, 2))))
    again, boxes = mapped_back(results)
    assert np.abs(again - points).max() < 1e-3
    assert np.abs(boxes - corners).max() < 1e-3
    assert results["img"].shape == (size[1], size[0], 3)
    assert results["img_shape"] == size[::-1]
    assert (results["keypoints"] >= -0.5).all()
    assert (results["keypoints"] <= np.array(size) - 0.5).all()


def test_a_pixel_lies_where_its_point_does():
    """White squares of 9 pixels, brought to a third: their middles are those of the points, to 1/50 pixel."""
    data = sample(300, 150, [[0, 0, 9, 9]], [[[40, 31], [203, 101]]], [[1, 1]])
    for x, y in data["keypoints"][0].astype(int):
        data["img"][y - 4 : y + 5, x - 4 : x + 5] = 255
    results = ImageAffine((100, 100)).transform(data)
    for point in results["keypoints"][0]:
        low = np.maximum(point.astype(int) - 4, 0)
        part = results["img"][low[1] : low[1] + 10, low[0] : low[0] + 10, 0].astype(float)
        y, x = np.mgrid[0:10, 0:10]
        middle = np.array([(part * x).sum(), (part * y).sum()]) / part.sum() + low
        assert np.abs(middle - point).max() < 0.02


def test_the_mirrored_image_is_the_mirrored_input():
    image = np.random.default_rng(0).integers(0, 256, (90, 170, 3), np.uint8)
    image = cv2.GaussianBlur(image, (0, 0), 3)
    step, data = ImageAffine((64, 64)), sample(170, 90, [], [], [])
    plain = step.transform({**data, "img": image})["img"]
    mirrored = step.transform({**data, "img": np.ascontiguousarray(image[:, ::-1])})["img"]
    assert np.abs(plain.astype(int) - mirrored[:, ::-1]).max() <= 2


def test_shrinking_keeps_the_mean_of_a_fine_pattern():
    """Lines of one pixel, black and white: a sixth as large they are grey, not a pattern of their own."""
    image = np.zeros((240, 240, 3), np.uint8)
    image[:, ::2] = 255
    small = warped(image, np.array([[1 / 6, 0, -5 / 12], [0, 1 / 6, -5 / 12]]), (40, 40))
    assert np.abs(small[2:-2, 2:-2].astype(int) - 127).max() <= 2


def test_no_instances():
    results = ImageAffine((64, 32)).transform(sample(100, 50, [], [], []))
    assert (results["bbox"].shape, results["keypoints"].shape) == ((0, 4), (0, 2, 2))
    assert results["area"].dtype == np.float32


def test_a_image_alone():
    results = ImageAffine((64, 32)).transform({"img": np.zeros((50, 100, 3), np.uint8)})
    assert results["img"].shape == (32, 64, 3)


def turned(box: list, degrees: float, points: list | None = None, visible: tuple = (1, 1)) -> list:
    turn = np.deg2rad(degrees)
    matrix = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0]])
    points = np.array([points or [[np.nan, np.nan]] * 2])
    with np.errstate(invalid="ignore"):
        return moved_boxes(np.array([box], float), matrix, turn, points, np.array([visible]))[0].tolist()


def test_a_turned_box_is_the_one_around_its_ellipse():
    assert turned([-10, -10, 10, 10], 30) == pytest.approx([-10, -10, 10, 10])  # a circle stays one
    assert turned([-10, -2, 10, 2], 90) == pytest.approx([-2, -10, 2, 10])
    half = np.sqrt((100 + 4) / 2)  # at 45° both half axes reach equally far
    assert turned([-10, -2, 10, 2], 45) == pytest.approx([-half, -half, half, half])


def test_a_turned_box_holds_the_points_that_it_held():
    corner = [[10.0, 10], [-50, 0]]  # one in the box's corner, one outside it
    box = turned([-10, -10, 10, 10], 45, corner)
    assert box == pytest.approx([-10, -10, 10, 10 * np.sqrt(2)])
    assert turned([-10, -10, 10, 10], 45, corner, (0, 0)) == pytest.approx([-10, -10, 10, 10])


def test_arrays_are_float32():
    results = ImageAffine((64, 32)).transform(sample(100, 50, [[1, 2, 3, 4]], [[[1, 2], [3, 4]]], [[1, 1]]))
    for key in ("bbox", "keypoints", "keypoints_visible", "area"):
        assert torch.from_numpy(results[key]).dtype == torch.float32


def test_a_reduced_image_gives_nearly_the_input_of_the_whole_one():
    rng = np.random.default_rng(0)
    whole = cv2.GaussianBlur(rng.integers(0, 256, (541, 959, 3), np.uint8), (0, 0), 10)
    whole = cv2.normalize(whole, None, 0, 255, cv2.NORM_MINMAX)
    step = RandomImageAffine((128, 96), zoom=(0.7, 1.3))
    shrink = step.least_shrink(959, 541)
    assert shrink == 5  # 959 / 128 / 1.3
    for seed, flip in ((0, None), (1, "horizontal"), (2, "diagonal"), (3, None)):
        inputs = []
        for image in (whole, reduced(whole, shrink)):
            np.random.seed(seed)
            inputs.append(step({"img": image, REDUCED_FROM: (541, 959), FLIP_LATER: flip})["img"])
        difference = cv2.absdiff(*inputs)
        assert difference.mean() < 0.6 and difference.max() <= 4 and inputs[0].std() > 30
        np.random.seed(seed)  # the image is flipped as if it had been before
        code = None if flip is None else FLIP_CODES[flip]
        before = step({"img": whole if code is None else cv2.flip(whole, code)})["img"]
        assert cv2.absdiff(before, inputs[0]).max() <= 1


def test_an_image_that_need_not_be_reduced_stays_whole():
    assert ImageAffine((64, 64)).least_shrink(100, 100) == 1
    assert ImageAffine((64, 64)).least_shrink(32, 32) == 1
    assert ImageAffine((64, 64)).least_shrink(640, 20) == 10
