"""The crop by OpenCV is the graph's, and so the test pipeline's."""

from typing import Any

import numpy as np
import pytest
import torch

from kpplugins.deploy.graphs.affine_crop import AffineCrop
from kpplugins.deploy.graphs.canvas_crop import CanvasCrop
from kpplugins.deploy.runtimes.cut_crop import cut_crop

SIZE = (60, 84)
CROPS: dict[str, tuple[Any, dict[str, Any]]] = {
    "plain": (AffineCrop(SIZE, 1.25, SIZE), {"kind": "affine", "padding": 1.25, "span": SIZE}),
    "UDP": (AffineCrop(SIZE, 1.1, (59, 83)), {"kind": "affine", "padding": 1.1, "span": (59, 83)}),
    "canvas": (
        CanvasCrop(SIZE, (128, 128), False, SIZE),
        {"kind": "canvas", "canvas_size": (128, 128), "keep_aspect": False, "span": SIZE},
    ),
    "canvas with bars": (
        CanvasCrop(SIZE, (128, 128), True, SIZE),
        {"kind": "canvas", "canvas_size": (128, 128), "keep_aspect": True, "span": SIZE},
    ),
}


@pytest.mark.parametrize("name", CROPS)
def test_both_cut_alike(inputs: dict[str, np.ndarray], name: str):
    module, crop = CROPS[name]
    tensors = (torch.from_numpy(inputs["image"]), torch.from_numpy(inputs["boxes"]))
    crops, origins, scales = (value.numpy() for value in module(*tensors))
    for i, box in enumerate(inputs["boxes"]):
        made, origin, scale = cut_crop(inputs["image"], box, crop, SIZE)
        assert made.shape == (84, 60, 3) and made.dtype == np.uint8
        assert (np.abs(made - crops[i]) > 0).mean() <= 0.03
        assert origin == pytest.approx(origins[i], abs=1e-3) and scale == pytest.approx(scales[i], rel=1e-5)
