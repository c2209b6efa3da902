"""A run goes to a hub and comes back whole, through huggingface_hub's own code."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from kpplugins.apis.hub import card, pull, push
from kpplugins.apis.train import train
from kpplugins.commands import main
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.inference.predictor import Predictor
from kpplugins.structures import BadInputError
from kpplugins.weights.run_record import RunRecord

OPTIONS = {
    "dataset_type": "CatDataset", "max_epochs": 1, "input_size": (32, 32), "model.head.depth": 1,
    "model.backbone.channels": 16, "model.head.in_channels": 16, "val_dataloader": None, "val_evaluator": None,
    "val_cfg": None, "train_dataloader.num_workers": 0, "train_dataloader.persistent_workers": False,
    "default_hooks.checkpoint.save_best": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def run(root: Path, drawn_cats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hourglass after one epoch, with the numbers of a test beside it."""
    out = tmp_path_factory.mktemp("run")
    train(root / "configs/custom_hourglass_small.py", work_dir=out, data=drawn_cats, cfg_options=OPTIONS)
    (out / "metrics.json").write_text(json.dumps({"AP": 0.91234, "EPE": 2.0, "config": "secret/path"}))
    return out


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "mine")


def test_there_and_back(
    run: Path, model_hub: Path, tmp_path: Path, token: None, capsys: pytest.CaptureFixture
):
    assert main(["push", str(run), "me/cats"]) == 0
    assert "/me/cats/commit/" in capsys.readouterr().out
    there = {file.name for file in (model_hub / "me/cats").iterdir()}
    assert there == {"model.safetensors", "schema.json", "boxes.json", "metrics.json", "README.md"}
    assert set(json.loads((model_hub / "me/cats/metrics.json").read_text())) == {"AP", "EPE"}
    assert main(["pull", "me/cats", str(tmp_path / "model")]) == 0
    file = tmp_path / "model/model.safetensors"
    assert f"written: {file}" in capsys.readouterr().out and (tmp_path / "model/schema.json").is_file()
    image = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    boxes = np.array([[5.0, 5, 45, 45]])
    ours, theirs = (Predictor(str(source))(image, boxes=boxes) for source in (tmp_path / "model", run))
    assert np.array_equal(ours.keypoints, theirs.keypoints)
    with pytest.raises(BadInputError, match="exists already; to do: give another folder, or add --overwrite"):
        pull("me/cats", tmp_path / "model")
    assert pull("me/cats", tmp_path / "model", overwrite=True) == file


def test_a_training_starts_from_it(
    root: Path, run: Path, drawn_cats: Path, model_hub: Path, tmp_path: Path, token: None
):
    push(run, "me/cats")
    options = {**OPTIONS, "load_from": "hf://me/cats", "keypoints": ["mouth"], "lr": 1e-12}
    config = root / "configs/custom_hourglass_small.py"
    out = train(config, work_dir=tmp_path / "one", data=drawn_cats, cfg_options=options)
    before, after = (torch.load(d / "epoch_1.pth", weights_only=False)["state_dict"] for d in (run, out))
    name = next(n for n in after if n.endswith("weight") and n.startswith("head.") and after[n].shape[0] == 1)
    mouth = CAT_SCHEMA.keypoints.index("mouth")
    assert torch.allclose(after[name], before[name][mouth : mouth + 1], atol=1e-6)


def test_without_a_token_one_line_says_so(run: Path, model_hub: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_TOKEN", "wrong")
    with pytest.raises(BadInputError, match="hf://me/cats: the hub refuses; found .*; to do: hf auth login"):
        push(run, "me/cats")


def test_what_is_not_pushed(model_hub: Path, tmp_path: Path, token: None):
    torch.save({"state_dict": {"a": torch.ones(1)}}, tmp_path / "foreign.pth")
    with pytest.raises(BadInputError, match="this checkpoint does not say what it is"):
        push(tmp_path / "foreign.pth", "me/cats")
    with pytest.raises(BadInputError, match="not an address on the hub"):
        push(tmp_path / "foreign.pth", "cats")


def test_what_is_not_pulled(model_hub: Path, tmp_path: Path):
    from safetensors.torch import save_file

    (model_hub / "me/net").mkdir(parents=True)
    save_file({"a": torch.ones(1)}, model_hub / "me/net/model.safetensors")
    with pytest.raises(BadInputError, match='not a model of this project.*backbone_weights = "hf://me/net"'):
        pull("me/net", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_the_card_says_what_it_finds():
    text = card("me/cats", RunRecord(name="small", schema=CAT_SCHEMA), {})
    assert "# cats" in text and "9 keypoints of `cat`: left_eye" in text and "| AP |" not in text
    assert "| AP | 0.9123 |" in card("me/cats", RunRecord(name="small", schema=CAT_SCHEMA), {"AP": 0.91234})
