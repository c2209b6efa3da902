"""The three albumentations of MMPose's configs, worked out by hand."""

import cv2
import numpy as np
import pytest
from mmpose.registry import TRANSFORMS

from kpplugins.datasets.transforms import Albumentation
from kpplugins.structures import BadInputError

HOLE = dict(
    type="CoarseDropout", max_holes=1, max_height=0.4, max_width=0.4, min_holes=1, min_height=0.2, min_width=0.2, p=1.0,
)  # fmt: skip
"""As MMPose's RTMPose configs have it."""


def test_it_stands_under_mmposes_name():
    assert TRANSFORMS.get("Albumentation") is Albumentation


def test_a_hole_of_a_fifth_to_two_fifths_of_each_side():
    white = np.full((100, 200, 3), 255, np.uint8)
    step, areas = Albumentation([HOLE]), set()
    for seed in range(50):
        np.random.seed(seed)
        black = (step.transform({"img": white})["img"] == 0).all(axis=2)
        rows, columns = black.any(axis=1).sum(), black.any(axis=0).sum()
        assert 20 <= rows <= 40 and 40 <= columns <= 80
        assert black.sum() == rows * columns  # one rectangle
        areas.add(int(black.sum()))
    assert len(areas) > 30 and (white == 255).all()


@pytest.mark.parametrize(
    ("name", "blurred"),
    [("Blur", lambda i: cv2.blur(i, (3, 3))), ("MedianBlur", lambda i: cv2.medianBlur(i, 3))],
)
def test_blurs_of_one_size(name: str, blurred):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    np.testing.assert_array_equal(
        Albumentation([dict(type=name, blur_limit=3, p=1.0)]).transform({"img": image})["img"], blurred(image)
    )
    never = Albumentation([dict(type=name, p=0.0)])
    np.testing.assert_array_equal(never.transform({"img": image})["img"], image)


def test_another_one_needs_the_package():
    pytest.importorskip("mmpose")
    try:
        import albumentations  # noqa: F401
    except ImportError:
        with pytest.raises(BadInputError, match="needs albumentations.*found GridDropout.*pip install"):
            Albumentation([dict(type="GridDropout", p=1.0)])
