"""A head on features that are computed once learns as one on features that are computed every time."""

from pathlib import Path
from typing import Any

import pytest
import torch

from kpplugins.apis.train import train
from kpplugins.engine.depth.feature_cache_hook import FeatureCacheHook
from kpplugins.models.backbones.torchvision_backbone import TorchvisionBackbone
from kpplugins.structures import BadInputError

OPTIONS = {
    "dataset_type": "CatDataset", "input_size": (64, 64), "backbone": "torchvision:mobilenet_v3_small",
    "backbone_weights": False, "freeze": ["backbone"], "train_dataloader.batch_size": 4,
    "val_dataloader": None, "val_evaluator": None, "val_cfg": None, "default_hooks.checkpoint.save_best": None,
    "train_dataloader.num_workers": 0, "train_dataloader.persistent_workers": False, "max_epochs": 3,
    "model.head.deconv_out_channels": (16, 16, 16), "default_hooks.logger.interval": 1,
}  # fmt: skip


def losses(run: Path) -> list[float]:
    import json

    (file,) = run.glob("*/vis_data/scalars.json")
    return [row["loss"] for row in map(json.loads, file.read_text().splitlines()) if "loss" in row]


@pytest.fixture
def trained(root: Path, drawn_cats: Path, tmp_path: Path):
    def run(name: str, **options: Any) -> Path:
        config = root / "configs/custom_hourglass_small.py"
        return train(config, work_dir=tmp_path / name, data=drawn_cats, cfg_options={**OPTIONS, **options})

    return run


def test_the_backbone_runs_once_per_view(trained, monkeypatch: pytest.MonkeyPatch):
    calls: list[int] = []
    forward = TorchvisionBackbone.forward
    monkeypatch.setattr(TorchvisionBackbone, "forward", lambda s, x: (calls.append(len(x)), forward(s, x))[1])
    out = trained("cached", feature_cache=2, max_epochs=10)
    assert (
        sum(n for n in calls if n > 1) == 2 * 12
    )  # not 10 × 12; single images are the check of the output's size
    weights = torch.load(out / "epoch_10.pth", weights_only=False)["state_dict"]
    assert any(name.startswith("backbone.net.") for name in weights)  # the whole model
    assert sum(losses(out)[-3:]) < sum(losses(out)[:3])


def test_without_augmentation_it_is_the_same_training(trained):
    """Batches differ in order only: at a rate of next to nothing, the losses of an epoch have the same sum."""
    steps = {"box_augment": dict(rotate_prob=0.0, shift_prob=0.0, scale_factor=(1.0, 1.0)), "lr": 1e-12}
    plain = {**steps, "model.test_cfg.flip_test": False, "max_epochs": 1, "box_padding": 1.0}
    pipeline = {"train_dataloader.dataset.pipeline.2.prob": 0.0}
    same = [trained("a", **plain, **pipeline), trained("b", **plain, **pipeline, feature_cache=1)]
    first, second = (sum(losses(run)) for run in same)
    assert second == pytest.approx(
        first, rel=0.02
    )  # the cache is in half precision, batch norm of the head in batches


def test_a_backbone_that_is_trained_is_refused(trained):
    with pytest.raises(
        BadInputError, match='feature_cache needs a frozen backbone; to do: freeze = \\["backbone"\\]'
    ):
        trained("no", freeze=["head.deconv_layers"], feature_cache=1)
    hook = [dict(type="FeatureCacheHook")]
    with pytest.raises(
        BadInputError, match="feature_cache needs a frozen backbone; found backbone.net.*is trained"
    ):
        trained("no", freeze=[], custom_hooks=hook)


def test_too_much_memory_is_refused_before_it_is_used(trained):
    hooks = [dict(type="FreezeHook", parts=["backbone"]), dict(type="FeatureCacheHook", max_gb=1e-6)]
    with pytest.raises(BadInputError, match="the features need too much memory; expected at most 1e-06 GB"):
        trained("no", custom_hooks=hooks)


@pytest.mark.parametrize("views", [0, 1.5, True])
def test_a_number_that_is_none(views: Any):
    with pytest.raises(BadInputError, match="not a number of views"):
        FeatureCacheHook(views)
