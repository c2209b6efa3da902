"""The weights of the backbone by one name."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from mmengine.config import Config
from mmpose.registry import MODELS

from kpplugins.config.load import load_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError
from kpplugins.weights.pretrained import drop_pretrained, pretrained_of, require_pretrained

NET = "torchvision:mobilenet_v3_small"


def settled(config: Path, **options: Any) -> Config:
    return load_config(config, schema=CAT_SCHEMA, cfg_options=options)


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("my.safetensors", "my.safetensors"),
        ("hf://me/net", "hf://me/net"),
        ("torchvision:resnet18", "torchvision://resnet18"),
        ("timm:resnet18.a1_in1k", "timm://resnet18.a1_in1k"),
        ("https://a.b/c.pth", "https://a.b/c.pth"),
    ],
)
@pytest.mark.parametrize("options", [{"backbone": NET}, {}], ids=["with backbone", "MMPose's own"])
def test_addresses_and_files(root: Path, said: str, address: str, options: dict):
    cfg = settled(root / "configs/custom_simplebaseline_r50.py", backbone_weights=said, **options)
    assert pretrained_of(cfg) == [("model.backbone.init_cfg", address, "")]
    drop_pretrained(cfg)
    assert pretrained_of(cfg) == []


def test_false_is_random_weights(root: Path):
    assert pretrained_of(settled(root / "configs/custom_mobilenetv2.py", backbone_weights=False)) == []


@pytest.mark.parametrize("value", [True, 3, ""])
def test_what_is_none(root: Path, value: Any):
    with pytest.raises(BadInputError, match="backbone_weights: not weights"):
        settled(root / "configs/custom_mobilenetv2.py", backbone_weights=value)


def test_the_file_is_read_before_training(root: Path, tmp_path: Path):
    file = tmp_path / "net.pth"
    torch.save(torchvision.models.get_model("mobilenet_v3_small").state_dict(), file)
    cfg = settled(root / "configs/custom_hourglass_small.py", backbone=NET, backbone_weights=str(file))
    model = MODELS.build(cfg.model)
    require_pretrained(cfg, model)
    model.init_weights()
    assert torch.equal(
        model.backbone.state_dict()["net.features.0.0.weight"], torch.load(file)["features.0.0.weight"]
    )
    torch.save(torchvision.models.get_model("resnet18").state_dict(), file)
    with pytest.raises(BadInputError) as raised:
        require_pretrained(cfg, model)
    assert str(raised.value).startswith(
        "model.backbone.init_cfg: pretrained weights fail; expected " + str(file)
    )
    assert "weights of another network" in str(raised.value) and "--from-scratch" in str(raised.value)
    file.unlink()
    with pytest.raises(BadInputError, match="pretrained weights fail.*--from-scratch"):
        require_pretrained(cfg, model)
