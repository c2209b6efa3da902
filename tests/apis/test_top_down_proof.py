"""Which keypoints rounding moves."""

from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn

from kpplugins.apis.exporting.samples import Sample
from kpplugins.apis.exporting.top_down_proof import ROUNDING, TopDownProof
from kpplugins.deploy.graphs.top_down_graph import TopDownGraph
from kpplugins.schema import KeypointSchema

FACTS = {
    "input_size": (20, 16), "crop": {"kind": "affine", "padding": 1.0, "span": (20, 16)}, "flip_test": None,
    "decode": {"method": "argmax", "add": [0.5, 0.5], "divide": [5, 4], "subtract": [0.0, 0.0]},
}  # fmt: skip


class Maps(nn.Module):
    """Gives the same maps for every crop."""

    def __init__(self, maps: Tensor) -> None:
        super().__init__()
        self.maps = maps

    def forward(self, crops: Tensor) -> tuple[Tensor]:
        return (self.maps.expand(len(crops), *self.maps.shape),)


def test_places_that_rounding_moves_are_known():
    maps = torch.zeros(3, 4, 5)
    maps[0, 1, 2] = 1.0  # alone
    maps[1, 1, 2], maps[1, 3, 4] = 1.0, 1.0 - ROUNDING / 10  # as high as another
    maps[2, 1, 2], maps[2, 3, 4] = 1.0, 1.0 - 3 * ROUNDING  # higher by more than ±ROUNDING on both
    trained = SimpleNamespace(
        network=SimpleNamespace(test_cfg=None), schema=KeypointSchema("marks", ("a", "b", "c")), name="x",
        pixels=None, classes=(), layout=None, visibility=None, uncertainty=None,
    )  # fmt: skip
    graph = TopDownGraph(Maps(maps), FACTS, 3)  # type: ignore[arg-type]
    proof = TopDownProof(trained, graph, False)  # type: ignore[arg-type]
    sample = Sample(np.zeros((30, 40, 3), np.uint8), np.array([5.0, 5.0, 25.0, 21.0]))
    assert proof.steady(sample, {}, 0.1).tolist() == [True, False, True]
    assert trained.network.test_cfg == {"flip_test": False}
