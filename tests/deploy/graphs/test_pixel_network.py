"""Normalisation, taken over by the first convolution or not, and the names of a head's outputs."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kpplugins.deploy.graphs.pixel_network import PixelNetwork, named_outputs
from kpplugins.structures import BadInputError

SIZE = (12, 8)
MEAN, STD = (
    torch.tensor([123.7, 116.3, 103.5]).reshape(3, 1, 1),
    torch.tensor([58.4, 57.1, 57.4]).reshape(3, 1, 1),
)


class Model(nn.Module):
    """A convolution, called as MMPose's models are."""

    def __init__(self, swap: bool, normalise: bool, first: nn.Module) -> None:
        super().__init__()
        self.data_preprocessor = SimpleNamespace(
            _channel_conversion=swap, _enable_normalize=normalise, mean=MEAN, std=STD
        )
        self.first, self.last = first, nn.Conv2d(4, 2, 3, padding=1)

    def forward(self, inputs: Tensor, samples: None, mode: str) -> Any:
        return self.last(torch.relu(self.first(inputs)))


def normalised(model: Model, crops: Tensor) -> Tensor:
    """As MMPose's preprocessor gives them."""
    pixels, before = crops.permute(0, 3, 1, 2), model.data_preprocessor
    pixels = pixels[:, [2, 1, 0]] if before._channel_conversion else pixels
    return (pixels - MEAN) / STD if before._enable_normalize else pixels


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("kind", ["convolution", "by channel", "pool"])
def test_outputs_are_those_of_normalised_crops(swap: bool, normalise: bool, kind: str):
    torch.manual_seed(0)
    first: nn.Module = nn.Conv2d(3, 4, 3, padding=1)
    if kind == "by channel":
        first = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, groups=3), nn.Conv2d(3, 4, 1))
    if kind == "pool":
        first = nn.Sequential(nn.AvgPool2d(3, 1, 1), nn.Conv2d(3, 4, 1))
    model = Model(swap, normalise, first).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    network = PixelNetwork(model, SIZE)
    assert network.folded == (kind == "convolution") and network.names == ["heatmaps"]
    crops = torch.randint(0, 256, (2, SIZE[1], SIZE[0], 3)).float()
    with torch.no_grad():
        (given,) = network(crops)
        expected = model(normalised(model, crops), None, "tensor")
    assert (given - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert all((before[name] == value).all() for name, value in model.state_dict().items())


def test_outputs_by_name():
    maps, bins, points = torch.zeros(2, 5, 8, 6), torch.zeros(2, 5, 12), torch.zeros(2, 5, 2)
    last = maps + 1
    assert (
        list(named_outputs([maps, last])) == ["heatmaps"] and named_outputs([maps, last])["heatmaps"] is last
    )
    assert list(named_outputs((bins, bins))) == ["simcc_x", "simcc_y"]
    assert named_outputs(points)["coordinates"] is points
    assert named_outputs((points, maps))["coordinates"] is points  # integral regression
    with_sigmas = named_outputs(torch.zeros(2, 5, 4))["coordinates"]
    assert (with_sigmas[..., :2] == 0).all() and (with_sigmas[..., 2:] == 0.5).all()
    with pytest.raises(BadInputError, match=r"unknown outputs.*found \(2, 5, 12\)"):
        named_outputs(bins)
    with pytest.raises(BadInputError, match="unknown outputs.*found str"):
        named_outputs("maps")
