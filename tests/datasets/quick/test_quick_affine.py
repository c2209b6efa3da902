from copy import deepcopy

import numpy as np
import pytest
from mmpose.datasets.transforms import RandomFlip, TopdownAffine

from kpplugins.datasets.quick.quick_affine import QuickAffine
from kpplugins.datasets.quick.quick_flip import QuickFlip


def sample(rng: np.random.Generator, turned: bool) -> dict:
    height, width = rng.integers(30, 200, 2).tolist()
    turn = {"bbox_rotation": rng.uniform(-80, 80, 1)} if turned else {}
    return {
        "img": rng.integers(0, 256, (height, width, 3), np.uint8), "img_shape": (height, width), **turn,
        "bbox_center": (rng.uniform(0, 1, (1, 2)) * (width, height)).astype(np.float32),
        "bbox_scale": rng.uniform(20, 250, (1, 2)).astype(np.float32),
        "keypoints": rng.uniform(0, 200, (1, 4, 2)).astype(np.float32),
        "keypoints_visible": np.ones((1, 4), np.float32), "flip_indices": [0, 2, 1, 3],
    }  # fmt: skip


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("use_udp", [False, True])
@pytest.mark.parametrize("direction", ["horizontal", "vertical", "diagonal"])
def test_the_crop_of_the_flipped_image_without_making_it(direction: str, use_udp: bool, turned: bool):
    rng = np.random.default_rng(1)
    flip, crop = RandomFlip(prob=1.0, direction=direction), TopdownAffine((48, 64), use_udp)
    differ = pixels = 0
    for _ in range(30):
        given = sample(rng, turned)
        theirs = crop(flip(deepcopy(given)))
        ours = QuickAffine(crop)(QuickFlip(flip, later=True)(deepcopy(given)))
        assert list(theirs) == list(ours)
        for name in theirs:
            if name != "img":
                assert np.array_equal(theirs[name], ours[name]), name
                assert np.asarray(theirs[name]).dtype == np.asarray(ours[name]).dtype
        differ += int((theirs["img"] != ours["img"]).sum())
        pixels += theirs["img"].size
    assert differ <= (1e-4 * pixels if turned else 0)


def test_without_keypoints_it_is_mmposes_step_on_the_flipped_image():
    given = sample(np.random.default_rng(2), True)
    del given["keypoints"]
    flip, crop = RandomFlip(prob=1.0), TopdownAffine((48, 64))
    theirs = crop(flip(deepcopy(given)))
    ours = QuickAffine(crop)(QuickFlip(flip, later=True)(deepcopy(given)))
    assert np.array_equal(theirs["img"], ours["img"]) and list(theirs) == list(ours)


def test_a_shared_image_that_must_not_be_written_to_can_be_cropped():
    given = sample(np.random.default_rng(3), True)
    given["img"].flags.writeable = False
    image, before = given["img"], given["img"].copy()
    cropped = QuickAffine(TopdownAffine((48, 64)))(QuickFlip(RandomFlip(prob=1.0), later=True)(given))
    cropped["img"] += 1
    assert np.array_equal(image, before)
