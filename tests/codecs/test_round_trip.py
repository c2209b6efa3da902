"""Every codec that a recipe uses: points to targets and back, within a bound of its own, in pixels of the input."""

import numpy as np
import pytest
from mmpose.registry import KEYPOINT_CODECS

import kpplugins.register  # noqa: F401

W, H = 192, 256
SIZE = dict(input_size=(W, H))
MAPS = dict(**SIZE, heatmap_size=(48, 64), sigma=2)
WHOLE = dict(**SIZE, heatmap_size=(W, H))
SIMCC = dict(
    type="SimCCLabel", **SIZE, sigma=(4.9, 5.66), simcc_split_ratio=2.0, normalize=False, use_dark=False
)
CODECS = {
    # name: config, bound 24 pixels (three sigmas) from the border and more, bound at the border
    "RegressionLabel": (dict(type="RegressionLabel", **SIZE), 1e-3, 1e-3),
    "SimCCLabel": (SIMCC, 0.26, 0.26),  # half of half a pixel
    "UDPHeatmap": (
        dict(type="UDPHeatmap", **MAPS),
        0.1,
        6,
    ),  # of a cut-off Gaussian too little is left to refine
    "MSRAHeatmap": (
        dict(type="MSRAHeatmap", **MAPS),
        2.01,
        3.01,
    ),  # its labels lie on whole cells, 4 pixels wide
    "MSRAHeatmap, DARK": (dict(type="MSRAHeatmap", unbiased=True, **MAPS), 0.05, 3.01),
    "CircleHeatmap, arg-max": (dict(type="CircleHeatmap", **WHOLE), 1.5, 5.2),
    "CircleHeatmap, mean": (dict(type="CircleHeatmap", decode="mean", threshold=0.3, **WHOLE), 1.01, 3.1),
}


@pytest.fixture(params=CODECS)
def case(request: pytest.FixtureRequest) -> tuple:
    config, inside, border = CODECS[request.param]
    return KEYPOINT_CODECS.build(config), inside, border


def there_and_back(codec, points: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What (N, K, 2) points come back as, one instance after the other, and their weights (N, K)."""
    found, weights = [], []
    for one, seen in zip(points, visible, strict=True):
        encoded = codec.encode(one[None].copy(), seen[None].copy())
        targets = [encoded[k] for k in ("heatmaps", "keypoint_x_labels", "keypoint_y_labels") if k in encoded]
        decoded, _ = codec.decode(*(targets or [encoded["keypoint_labels"]]))
        found.append(decoded[0])
        weights.append(encoded["keypoint_weights"][0])
    back = np.array(found)
    if type(codec).__name__ == "UDPHeatmap":  # its pixels are w - 1 intervals, and its estimator divides by w
        back *= np.array([(W - 1) / W, (H - 1) / H])
    return back, np.array(weights)


def test_points_inside_come_back(case):
    codec, bound, _ = case
    points = np.random.default_rng(0).uniform((24, 24), (W - 24, H - 24), (100, 4, 2)).astype(np.float32)
    found, weights = there_and_back(codec, points, np.ones((100, 4), np.float32))
    assert (weights == 1).all()
    assert np.abs(found - points).max() <= bound


def test_points_on_the_border_come_back(case):
    codec, _, bound = case
    rng = np.random.default_rng(1)
    points = rng.uniform((0, 0), (W - 1, H - 1), (100, 4, 2)).astype(np.float32)
    points[:, 0, 0], points[:, 1, 0], points[:, 2, 1], points[:, 3, 1] = 0, W - 1, 0, H - 1
    found, weights = there_and_back(codec, points, np.ones((100, 4), np.float32))
    assert (weights == 1).all()
    assert np.abs(found - points).max() <= bound


def test_absent_points_have_no_weight_and_disturb_no_other(case):
    codec, bound, _ = case
    points = np.random.default_rng(2).uniform((24, 24), (W - 24, H - 24), (20, 4, 2)).astype(np.float32)
    visible = np.ones((20, 4), np.float32)
    visible[:, 1] = 0
    points[:, 1] = 0
    found, weights = there_and_back(codec, points, visible)
    assert (weights[:, 1] == 0).all() and (weights[:, [0, 2, 3]] == 1).all()
    assert np.abs(found - points)[:, [0, 2, 3]].max() <= bound


def test_points_outside_have_no_weight(case):
    codec, _, _ = case
    points = np.array([[[-40, 30], [W + 40, 30], [30, -40], [30, H + 40]]], np.float32)
    _, weights = there_and_back(codec, points, np.ones((1, 4), np.float32))
    assert (weights == 0).all()
