from copy import deepcopy

import numpy as np
import pytest
from mmpose.datasets.transforms import GenerateTarget

from kpplugins.datasets.quick.quick_target import QuickTarget


@pytest.mark.parametrize("kind", ["UDPHeatmap", "MSRAHeatmap"])
@pytest.mark.parametrize("sigma", [1, 1.5, 2.0, 2.3])
def test_the_same_heatmaps_and_weights_as_mmposes(kind: str, sigma: float):
    step = GenerateTarget(dict(type=kind, input_size=(96, 128), heatmap_size=(24, 32), sigma=sigma))
    assert QuickTarget.can(step)
    rng = np.random.default_rng(0)
    left_out = 0
    for _ in range(20):
        given = {
            "transformed_keypoints": rng.uniform(-60, 190, (1, 17, 2)).astype(np.float32),
            "keypoints_visible": rng.integers(0, 2, (1, 17)).astype(np.float32),
        }
        theirs, ours = step(deepcopy(given)), QuickTarget(step)(deepcopy(given))
        assert theirs.keys() == ours.keys()
        for name in ("heatmaps", "keypoint_weights"):
            assert theirs[name].dtype == ours[name].dtype
            np.testing.assert_array_equal(theirs[name], ours[name])
        left_out += int((ours["keypoint_weights"] < given["keypoints_visible"]).sum())
        for name in ("field_mapping_table", "label_mapping_table"):
            assert theirs[name] == ours[name]
    assert left_out > 0  # visible, but outside


def test_other_codecs_keep_mmposes_step():
    sizes = dict(input_size=(96, 128), heatmap_size=(24, 32))
    for codec in (
        dict(type="UDPHeatmap", heatmap_type="combined", **sizes),
        dict(type="MSRAHeatmap", sigma=2, unbiased=True, **sizes),
        dict(type="RegressionLabel", input_size=(96, 128)),
    ):  # fmt: skip
        assert not QuickTarget.can(GenerateTarget(codec))


def test_samples_of_another_form_go_through_mmposes_step():
    step = GenerateTarget(dict(type="UDPHeatmap", input_size=(96, 128), heatmap_size=(24, 32)))
    given = {
        "keypoints": np.full((1, 2, 2), 30, np.float32),
        "keypoints_visible": np.ones((1, 2, 2), np.float32),  # with a weight of its own
    }
    theirs, ours = step(deepcopy(given)), QuickTarget(step)(deepcopy(given))
    assert theirs.keys() == ours.keys() and np.array_equal(theirs["heatmaps"], ours["heatmaps"])
