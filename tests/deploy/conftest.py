"""A whole model in small: a crop of 60×84, a few layers, the decoding of UDP heatmaps."""

from collections.abc import Iterator, Mapping

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor, nn

import kpplugins.register  # noqa: F401
from kpplugins.deploy.graphs.top_down_facts import top_down_facts
from kpplugins.deploy.graphs.top_down_graph import TopDownGraph
from kpplugins.formats.cat import CAT_SCHEMA

SIZE, CELLS, K = (60, 84), (15, 21), 9


class Tiny(nn.Module):
    """Crops to heatmaps with one peak: the brightest place of mixed colours; a norm and a gate on the way."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.mix, self.norm = nn.Conv2d(3, K, 5, stride=4, padding=2), nn.BatchNorm2d(K)
        self.gate, self.last = nn.Parameter(torch.rand(1, K, 1, 1) + 0.5), nn.Conv2d(K, K, 3, padding=1)
        self.norm.running_mean.uniform_(-1, 1)
        self.norm.running_var.uniform_(0.5, 2)

    def forward(self, crops: Tensor) -> tuple[Tensor]:
        mixed = self.mix(crops.permute(0, 3, 1, 2) / 255)
        return (self.last(self.gate * mixed + torch.relu(self.norm(mixed))).sigmoid(),)


@pytest.fixture(scope="session")
def graph() -> TopDownGraph:
    init_default_scope("mmpose")
    codec = KEYPOINT_CODECS.build(
        {"type": "UDPHeatmap", "sigma": 2, "input_size": SIZE, "heatmap_size": CELLS}
    )
    steps = [{"type": "GetBBoxCenterScale"}, {"type": "TopdownAffine", "input_size": SIZE, "use_udp": True}]
    facts = top_down_facts(codec, steps, ["heatmaps"], {}, CAT_SCHEMA, False)
    return TopDownGraph(Tiny(), facts, K).eval()  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def inputs() -> dict[str, np.ndarray]:
    image = np.random.default_rng(0).integers(0, 256, (100, 130, 3), np.uint8)
    image = cv2.normalize(cv2.GaussianBlur(image, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX)
    boxes = np.float32([[10, 5, 80, 95], [30.5, 20.25, 120, 90], [-20, 40, 60, 140]])
    return {"image": image, "boxes": boxes}


@pytest.fixture(scope="session")
def expected(graph: TopDownGraph, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    with torch.inference_mode():
        found = graph(torch.from_numpy(inputs["image"]), torch.from_numpy(inputs["boxes"]))
    return {"keypoints": found[0].numpy(), "scores": found[1].numpy()}


@pytest.fixture(scope="session")
def calibration(inputs: Mapping[str, np.ndarray]):  # noqa: ANN201
    def read() -> Iterator[dict[str, np.ndarray]]:
        for box in inputs["boxes"]:
            yield {"image": inputs["image"], "boxes": box[None]}

    return read
