from copy import deepcopy

import numpy as np
import pytest
from mmpose.datasets.transforms import RandomFlip

from kpplugins.datasets.quick.quick_flip import QuickFlip


def sample() -> dict:
    image = np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8)
    return {
        "img": image, "img_shape": (7, 9), "bbox": np.array([[1, 2, 5, 6]], np.float32),
        "bbox_center": np.array([[3, 4]], np.float32), "keypoints": np.array([[[1, 2], [5, 3]]], np.float32),
        "keypoints_visible": np.array([[1, 0]], np.float32), "flip_indices": [1, 0],
    }  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [{}, dict(prob=0.3), dict(direction="vertical"), dict(prob=[0.3, 0.4], direction=["horizontal", "diagonal"])],
)  # fmt: skip
def test_flips_as_mmpose_by_the_same_random_numbers(settings: dict):
    step = RandomFlip(**settings)
    seen = set()
    for seed in range(12):
        results = []
        for run in (step, QuickFlip(step, later=False)):
            np.random.seed(seed)
            results.append((run(deepcopy(sample())), np.random.random()))
        (theirs, after), (ours, after_ours) = results
        assert after == after_ours and list(theirs) == list(ours)
        for name, value in theirs.items():
            assert np.array_equal(value, ours[name]), name
        assert ours["img"].flags.c_contiguous
        seen.add(ours["flip_direction"])
    assert len(seen) >= 2  # some are flipped and some are not


def test_a_probability_that_is_changed_later_counts():
    step = RandomFlip()
    quick = QuickFlip(step, later=False)
    step.prob = 0.0
    assert not any(quick(sample())["flip"] for _ in range(20))
