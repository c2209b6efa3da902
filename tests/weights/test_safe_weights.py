"""A checkpoint without a pickle is a whole one."""

from pathlib import Path

import numpy as np
import pytest
import torch

from kpplugins.apis.convert_weights import convert_weights
from kpplugins.apis.train import train
from kpplugins.compat.safetensors_files import packed, read_safetensors
from kpplugins.inference.predictor import Predictor
from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import run_of
from kpplugins.weights.run_record import record_of
from kpplugins.weights.safe_weights import save_safetensors


@pytest.fixture(scope="module")
def checkpoint(root: Path, drawn_cats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an hourglass after one epoch."""
    options = {
        "dataset_type": "CatDataset", "max_epochs": 1, "input_size": (32, 32), "model.head.depth": 1,
        "model.backbone.channels": 16, "model.head.in_channels": 16,
        **{f"{split}_dataloader.num_workers": 0 for split in ("train", "val")},
        **{f"{split}_dataloader.persistent_workers": False for split in ("train", "val")},
    }  # fmt: skip
    out = tmp_path_factory.mktemp("run")
    train(root / "configs/custom_hourglass_small.py", work_dir=out, data=drawn_cats, cfg_options=options)
    return next(out.glob("best*.pth"))


def test_it_predicts_the_same_alone_in_a_folder(checkpoint: Path, tmp_path: Path):
    done = convert_weights("safetensors", checkpoint, tmp_path / "only/cats.safetensors")
    assert done.tensors > 20 and run_of(done.path, None) == (None, done.path)
    image = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    ours, theirs = (
        Predictor(str(file))(image, boxes=np.array([[5.0, 5, 45, 45]])) for file in (done.path, checkpoint)
    )
    assert np.array_equal(ours.keypoints, theirs.keypoints)
    first = record_of(torch.load(checkpoint, weights_only=False), checkpoint)
    assert record_of(read_safetensors(done.path), done.path) == first


def test_plain_data_come_back_as_they_were(tmp_path: Path):
    meta = dict(a=(1, [2.5, (None,)]), b={"c": "é", "d": True}, e=[])
    save_safetensors({"state_dict": {"w": torch.ones(2, 2).T}, "meta": meta}, tmp_path / "x.safetensors")
    content = read_safetensors(tmp_path / "x.safetensors")
    assert content["meta"] == meta and isinstance(content["meta"]["a"][1][1], tuple)
    assert packed((1,)) == {"__tuple__": [1]}


def test_what_cannot_be_written(checkpoint: Path, tmp_path: Path):
    with pytest.raises(BadInputError, match="not a name of a file of weights; expected NAME.safetensors"):
        convert_weights("safetensors", checkpoint, tmp_path / "x.pth")
    torch.save({"epoch": 3}, tmp_path / "none.pth")
    with pytest.raises(BadInputError, match="contains no weights"):
        convert_weights("safetensors", tmp_path / "none.pth", tmp_path / "x.safetensors")
    assert not (tmp_path / "x.safetensors").exists()
