"""Averaging over areas against OpenCV, and the input of CenterNet against the step of its pipeline."""

import cv2
import numpy as np
import pytest
import torch

from kpplugins.datasets.transforms.image_affine import ImageAffine
from kpplugins.deploy.graphs.area import shrunk_by_area
from kpplugins.deploy.graphs.bilinear import sides
from kpplugins.deploy.graphs.letterbox import Letterbox

SIZES = [(640, 480), (641, 481), (480, 640), (960, 540), (1000, 777), (333, 90), (64, 48), (40, 1), (1, 1)]


def image_of(size: tuple[int, int]) -> np.ndarray:
    generator = np.random.default_rng(size[0])
    return cv2.GaussianBlur(generator.integers(0, 256, (size[1], size[0], 3), np.uint8), (3, 3), 0)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("shrink", [1, 2, 3, 4])
def test_areas_are_averaged_as_by_opencv(size: tuple[int, int], shrink: int):
    image = image_of(size)
    small = [max(1, round(n / shrink)) for n in size]
    expected = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    found = shrunk_by_area(torch.from_numpy(image), (torch.tensor(small[0]), torch.tensor(small[1])))
    away = np.abs(found.numpy() - expected)
    assert away.max() <= 1 and (away > 0).mean() < 3e-3  # sums in another order decide about halves
    assert [int(n) for n in sides(torch.from_numpy(image))] == list(size)


@pytest.mark.parametrize("fill", [0, 114])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_input_is_that_of_the_pipeline(size: tuple[int, int], fill: int):
    image, wanted = image_of(size), (128, 96)
    step = ImageAffine(wanted, fill).transform({"img": image})
    pixels, zoom, origin = Letterbox(wanted, fill)(torch.from_numpy(image))
    away = np.abs(pixels.numpy() - step["img"])
    assert away.max() <= 1 and (away > 0).mean() < 1e-3
    corners = np.array([[0, 0], [127, 95], [30.5, 20.25]])
    back = corners / wanted * step["input_scale"] + step["input_center"] - step["input_scale"] / 2
    assert corners * zoom.numpy() + origin.numpy() == pytest.approx(back, abs=1e-3)
