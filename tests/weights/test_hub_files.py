"""Weights at ``hf://`` and ``timm://``, from a hub of our own on this machine."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors.torch import save_file

from kpplugins.structures import BadInputError
from kpplugins.weights.hub_files import repository_of

huggingface_hub = pytest.importorskip("huggingface_hub")


def put(model_hub: Path, repo: str, name: str = "model.safetensors") -> Path:
    file = model_hub / repo / name
    file.parent.mkdir(parents=True, exist_ok=True)
    weights = {"a": torch.arange(3.0)}
    save_file(weights, file) if name.endswith(".safetensors") else torch.save(weights, file)
    return file


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("hf://me/net", ("me/net", None, None)),
        ("hf://me/net@v1/sub/best.pth", ("me/net", "v1", "sub/best.pth")),
        ("hf://timm/resnet18.a1_in1k", ("timm/resnet18.a1_in1k", None, None)),
    ],
)
def test_addresses(address: str, parts: tuple):
    assert repository_of(address) == parts


@pytest.mark.parametrize("address", ["hf://me", "hf://me/net/../../x", "hf://"])
def test_what_is_no_address(address: str):
    with pytest.raises(BadInputError, match="not an address on the hub; expected hf://user/repo"):
        repository_of(address)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "best.pth"])
def test_weights_are_fetched_once_and_kept(model_hub: Path, name: str):
    file = put(model_hub, "me/net", name)
    address = "hf://me/net" + (f"/{name}" if name == "best.pth" else "")
    content = CheckpointLoader.load_checkpoint(address, "cpu", logger="silent")
    assert torch.equal(content.get("state_dict", content)["a"], torch.arange(3.0))
    file.unlink()


def test_a_kept_file_needs_no_connection(model_hub: Path, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    put(model_hub, "me/net")
    CheckpointLoader.load_checkpoint("hf://me/net", "cpu", logger="silent")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert (
        CheckpointLoader.load_checkpoint("hf://me/net", "cpu", logger="silent")["state_dict"]["a"].numel()
        == 3
    )


def test_out_of_reach_is_one_line(model_hub: Path, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BadInputError) as raised:
        CheckpointLoader.load_checkpoint("hf://me/other", "cpu", logger="silent")
    assert str(raised.value).startswith("hf://me/other: weights cannot be downloaded")
    assert "fetch model.safetensors of me/other by hand and name the file" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_repository_without_weights_is_one_line(model_hub: Path):
    (model_hub / "me/empty").mkdir(parents=True)
    (model_hub / "me/empty/config.json").write_text(json.dumps({}))
    with pytest.raises(
        BadInputError, match="no weights in this repository; expected model.safetensors or pytorch"
    ):
        CheckpointLoader.load_checkpoint("hf://me/empty", "cpu", logger="silent")


def test_timms_networks_are_looked_for_where_timm_says(model_hub: Path):
    timm = pytest.importorskip("timm")
    from kpplugins.models.backbones.timm_backbone import TimmBackbone

    repo = timm.get_pretrained_cfg("resnet10t").hf_hub_id
    file = model_hub / repo / "model.safetensors"
    file.parent.mkdir(parents=True)
    weights = timm.create_model("resnet10t").state_dict()
    save_file(weights, file)
    backbone = TimmBackbone("resnet10t", init_cfg=dict(type="Pretrained", checkpoint="timm://resnet10t"))
    backbone.init_weights()
    assert torch.equal(backbone.state_dict()["net.layer1.0.conv1.weight"], weights["layer1.0.conv1.weight"])
