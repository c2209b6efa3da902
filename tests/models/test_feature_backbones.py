"""``TimmBackbone`` and ``TorchvisionBackbone``: features, and weights under names of the library, ours, or none."""

from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from kpplugins.models.backbones.feature_backbone import BackboneFacts
from kpplugins.models.backbones.timm_backbone import TimmBackbone, timm_facts
from kpplugins.models.backbones.torchvision_backbone import TorchvisionBackbone, torchvision_facts
from kpplugins.structures import BadInputError

SMALL = "mobilenet_v3_small"


def ours(name: str = SMALL, **more) -> TorchvisionBackbone:
    return TorchvisionBackbone(name, **more)


def random_weights() -> dict[str, Tensor]:
    torch.manual_seed(7)
    return torchvision.models.get_model(SMALL).state_dict()


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("resnet18", (512, 32)),
        ("mobilenet_v2", (1280, 32)),
        ("convnext_tiny", (768, 32)),
        ("regnet_y_400mf", (440, 32)),
    ],
)
def test_the_levels_of_torchvisions_networks(name: str, last: tuple[int, int]):
    facts = torchvision_facts(name)
    assert facts.levels[-1] == last and [s for _, s in facts.levels] == sorted({s for _, s in facts.levels})
    assert facts.mean == (123.675, 116.28, 103.53)


@pytest.mark.parametrize("stride", [4, 16, 32])
def test_features_of_a_stride(stride: int):
    backbone = ours(stride=stride).eval()
    (features,) = backbone(torch.zeros(1, 3, 64, 96))
    assert features.shape == (1, backbone.channels, 64 // stride, 96 // stride)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_of_the_whole_classifier_arrive_under_our_names(tmp_path: Path, suffix: str):
    file, weights = tmp_path / f"weights{suffix}", random_weights()
    torch.save(weights, file) if suffix == ".pth" else save_file(weights, file)
    backbone = ours(init_cfg=dict(type="Pretrained", checkpoint=str(file)))
    backbone.init_weights()
    whole = torchvision.models.get_model(SMALL)
    whole.load_state_dict(weights)
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(backbone.eval()(image)[0], whole.eval().features(image))


def test_weights_of_a_checkpoint_of_ours_are_taken_too():
    first, second = ours(), ours()
    inside = {f"backbone.{name}": value for name, value in first.state_dict().items()}
    second.load_state_dict(second.translated({**inside, "head.weight": torch.zeros(1)}))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_weights_that_lack_a_tensor_or_are_another_networks_are_refused():
    weights = random_weights()
    del weights["features.3.block.0.0.weight"]
    with pytest.raises(
        BadInputError, match=r"weights of another network.*none for net.features.3.block.0.0.weight$"
    ):
        ours().translated(weights)
    with pytest.raises(BadInputError, match="none for net.conv1.weight, .*…"):
        ours("resnet18").translated(random_weights())


def test_translating_leaves_the_random_numbers_alone():
    backbone, weights = ours(), random_weights()
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    backbone.translated(weights)
    assert torch.equal(torch.rand(2), expected)


def test_a_level_that_is_not_there():
    facts = BackboneFacts(((8, 4), (16, 8)), (0,), (1,), None)
    assert facts.at(None, "x") == (16, 8) and facts.at(4, "x") == (8, 4)
    with pytest.raises(BadInputError, match="x has no features of stride 2; expected 4 or 8"):
        facts.at(2, "x")


@pytest.mark.parametrize(
    ("name", "size", "shape"),
    [
        ("resnet10t", (64, 96), (512, 2, 3)),
        ("swin_s3_tiny_224", (64, 64), (768, 2, 2)),  # channels last
        ("vit_tiny_patch16_224", (64, 96), (192, 4, 6)),
        ("vit_small_patch16_dinov3", (64, 96), (384, 4, 6)),
    ],
)
def test_networks_of_timm(name: str, size: tuple[int, int], shape: tuple[int, int, int]):
    timm = pytest.importorskip("timm")
    if name.startswith("swin_s3"):
        name = "swin_tiny_patch4_window7_224"
    facts = timm_facts(name)
    backbone = TimmBackbone(name, img_size=size).eval()
    (features,) = backbone(torch.rand(1, 3, *size))
    assert (
        features.shape[1:]
        == shape
        == (facts.levels[-1][0], size[0] // backbone.stride, size[1] // backbone.stride)
    )
    weights = timm.create_model(name).state_dict()
    own = backbone.translated(weights)
    assert own.keys() == backbone.state_dict().keys()  # places of another input size are interpolated


def test_a_plain_transformers_features_are_normalised():
    pytest.importorskip("timm")
    (features,) = TimmBackbone("vit_tiny_patch16_224", img_size=(64, 64)).eval()(torch.rand(1, 3, 64, 64))
    assert torch.allclose(features.mean(1), torch.zeros(1, 4, 4), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnet17", "timm has no network 'resnet17'; expected e.g. resnet"),
        ("resnet10t.no", "no network 'resnet10t.no'; expected e.g. resnet10t.c3_in1k"),
    ],
)
def test_networks_that_timm_lacks(name: str, words: str):
    pytest.importorskip("timm")
    with pytest.raises(BadInputError, match=words):
        TimmBackbone(name)


def test_without_timm_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    import sys

    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(BadInputError, match=r"timm is not installed; to do: pip install 'kpplugins\[timm\]'"):
        TimmBackbone("resnet18")


def test_it_can_be_copied_as_the_average_of_weights_does():
    import copy

    backbone = ours()
    twin = copy.deepcopy(backbone)
    assert isinstance(twin.net, nn.Module) and twin.eval()(torch.zeros(1, 3, 64, 64))[0].shape[1] == 576
