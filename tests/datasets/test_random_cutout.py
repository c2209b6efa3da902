import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmpose.registry import TRANSFORMS

import kpplugins.register  # noqa: F401
from kpplugins.datasets.transforms.random_cutout import RandomCutout
from kpplugins.structures import BadInputError


def sample(shape: tuple[int, ...] = (60, 80, 3)) -> dict:
    return {
        "img": np.full(shape, 255, np.uint8),
        "keypoints": np.array([[[3.0, 4.0], [50.0, 30.0]]]),
        "keypoints_visible": np.ones((1, 2)),
    }


@pytest.fixture(autouse=True)
def seeded():
    init_default_scope("mmpose")
    np.random.seed(0)


def test_one_hole_has_the_size_and_colour_that_were_asked_for():
    """A quarter of each side of 80×60, so 20×15, unless the border cuts it off."""
    cut = TRANSFORMS.build(
        dict(type="RandomCutout", prob=1, num_holes=(1, 1), size=(0.25, 0.25), fill=(1, 2, 3))
    )
    whole = 0
    for _ in range(200):
        image = cut(sample())["img"]
        ys, xs = np.nonzero((image != 255).any(axis=2))
        assert (image[ys, xs] == (1, 2, 3)).all()
        height, width = np.ptp(ys) + 1, np.ptp(xs) + 1
        assert len(ys) == height * width  # a full rectangle
        assert width <= 21 and height <= 16
        inside = min(xs.min(), ys.min()) > 0 and xs.max() < 79 and ys.max() < 59
        whole += inside
        assert not inside or (abs(width - 20) <= 1 and abs(height - 15) <= 1)
    assert whole > 80


def test_holes_are_everywhere_and_sizes_in_their_range():
    cut = RandomCutout(prob=1, num_holes=(1, 1), size=(0.1, 0.4))
    holes = np.array([(cut(sample())["img"] != 255).any(axis=2) for _ in range(600)])
    often = holes.mean(axis=0)
    assert often.min() > 0.005  # the corners too
    assert often[20:40, 30:50].mean() == pytest.approx(0.0625, abs=0.02)  # 0.25 of each side on average


def test_the_share_of_images_and_the_number_of_holes():
    none = RandomCutout(prob=0)
    assert all((none(sample())["img"] == 255).all() for _ in range(20))
    half = RandomCutout(prob=0.5)
    assert 60 < sum((half(sample())["img"] != 255).any() for _ in range(200)) < 140


def test_points_stay_and_the_callers_image_too():
    given = sample()
    before = {k: v.copy() for k, v in given.items()}
    kept = given["img"]
    after = RandomCutout(prob=1)(given)
    assert np.array_equal(after["keypoints"], before["keypoints"])
    assert np.array_equal(after["keypoints_visible"], before["keypoints_visible"])
    assert np.array_equal(kept, before["img"]) and not np.array_equal(after["img"], kept)


def test_grey_images_and_a_seed():
    cut = RandomCutout(prob=1, fill=0)
    assert (cut(sample((40, 30)))["img"] == 0).any()
    np.random.seed(5)
    first = cut(sample())["img"]
    np.random.seed(5)
    assert np.array_equal(first, cut(sample())["img"])


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (dict(prob=1.5), "wrong prob; expected 0 to 1; found 1.5"),
        (dict(num_holes=(3, 1)), "wrong num_holes"),
        (dict(num_holes=(0.5, 1)), "wrong num_holes"),
        (dict(size=(0, 0.5)), "wrong size"),
        (dict(size=(0.5, 1.5)), "wrong size"),
        (dict(fill=300), "wrong fill"),
    ],
)
def test_bad_settings_are_one_line(setting: dict, words: str):
    with pytest.raises(BadInputError, match=words):
        RandomCutout(**setting)


def test_a_colour_for_a_grey_image_is_refused():
    with pytest.raises(BadInputError, match="wrong fill; expected 1 or 1 numbers"):
        RandomCutout(prob=1)(sample((40, 30)))
