"""``val_loss`` is the training loss on validation samples, and computing it changes nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from kpplugins.apis.train import train
from kpplugins.engine.val_loss_hook import ValLossHook

SMALL = {
    "max_epochs": 2, "train_cfg.val_interval": 1, "input_size": (64, 64), "train_dataloader.batch_size": 4,
    "train_dataloader.persistent_workers": False, "val_dataloader.persistent_workers": False,
    "train_dataloader.num_workers": 0, "val_dataloader.num_workers": 0, "val_dataloader.batch_size": 3,
    "log_level": "ERROR", "default_hooks.logger.interval": 1,
}  # fmt: skip
AS_IT_WAS = [dict(type="SyncBuffersHook")]


@pytest.fixture(scope="module")
def runs(drawn_cats: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same training with the hook and without it, the best checkpoint chosen by the loss."""
    found = {}
    for name, hooks in (("with", [*AS_IT_WAS, dict(type="ValLossHook")]), ("without", AS_IT_WAS)):
        monitor = {"default_hooks.checkpoint.save_best": "val_loss", "default_hooks.checkpoint.rule": "less"}
        options = {**SMALL, "custom_hooks": hooks, **(monitor if name == "with" else {})}
        found[name] = train(
            root / "configs/cat_hourglass_sample.py", data=drawn_cats, cfg_options=options,
            work_dir=tmp_path_factory.mktemp(name),
        )  # fmt: skip
    return found


def entries(run: Path) -> list[dict]:
    (file,) = run.glob("*/vis_data/scalars.json")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_it_is_logged_and_chooses_the_best(runs: dict[str, Path]):
    losses = [entry["val_loss"] for entry in entries(runs["with"]) if "val_loss" in entry]
    assert len(losses) == 2 and all(np.isfinite(losses)) and min(losses) > 0
    best = 1 + int(np.argmin(losses))
    assert [path.name for path in runs["with"].glob("best_*")] == [f"best_val_loss_epoch_{best}.pth"]
    assert list(runs["with"].glob("*/vis_data/events.out.tfevents.*"))


def test_the_training_is_the_same_without_it(runs: dict[str, Path]):
    with_it, without = (
        [e["loss"] for e in entries(runs[name]) if "loss" in e] for name in ("with", "without")
    )
    assert with_it == without and len(without) >= 4
    states = [torch.load(runs[name] / "epoch_2.pth", weights_only=False)["state_dict"] for name in runs]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[1])


def test_its_value(runs: dict[str, Path]):
    """By hand: the loss of the checkpoint on all samples, one by one, with the statistics of the training."""
    from kpplugins.config.load import load_config
    from kpplugins.engine.runner import build_runner

    cfg = load_config(runs["with"] / "cat_hourglass_sample.py", cfg_options={"log_level": "ERROR"})
    cfg.work_dir = str(runs["with"] / "again")
    runner = build_runner(cfg, training=True)
    runner.load_checkpoint(str(runs["with"] / "epoch_2.pth"))
    hook, metrics = ValLossHook(), {}
    hook.after_val_epoch(runner, metrics)
    logged = [e["val_loss"] for e in entries(runs["with"]) if "val_loss" in e]
    assert metrics["val_loss"] == pytest.approx(logged[-1], rel=1e-6)
    model, samples = runner.model.eval(), hook._samples or []
    assert len(samples) == len(runner.val_dataloader.dataset)
    by_hand = []
    for sample in samples:
        data = model.data_preprocessor(
            {"inputs": [sample["inputs"]], "data_samples": [sample["data_samples"]]}, False
        )
        with torch.no_grad():
            maps = model(data["inputs"], None, mode="tensor")
        maps = maps[-1] if isinstance(maps, (list, tuple)) else maps
        truth = sample["data_samples"].gt_fields.heatmaps
        weights = torch.as_tensor(sample["data_samples"].gt_instance_labels.keypoint_weights).reshape(-1)
        by_hand.append(float((((maps[0] - truth) ** 2).mean((1, 2)) * weights).mean()))
    assert metrics["val_loss"] == pytest.approx(np.mean(by_hand), rel=1e-4)


def test_wrapped_data_have_none(caplog: pytest.LogCaptureFixture):
    hook = ValLossHook()

    class Runner:
        class val_dataloader:  # noqa: N801
            dataset = object()

    with caplog.at_level("INFO"):
        assert hook._prepared(Runner()) == []
    assert "no val_loss" in caplog.text
