"""Hooks that end training or keep averaged weights, in this project's Runner; on drawn cats, in a tiny network."""

import json
import time
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

import kpplugins.register  # noqa: F401
from kpplugins.apis.test import test as evaluate
from kpplugins.apis.train import train
from kpplugins.compat.checkpoints import trust_checkpoints
from kpplugins.config.load import load_config
from kpplugins.engine import time_budget_hook
from kpplugins.engine.time_budget_hook import OVER, SPENT, TimeBudgetHook
from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import default_checkpoint, read_checkpoint

TINY = {
    "input_size": (64, 64), "model.backbone.channels": 16, "model.head.in_channels": 16, "model.head.depth": 1,
    "train_dataloader.batch_size": 4, "train_cfg.val_interval": 1,
    **{f"{part}_dataloader.num_workers": 0 for part in ("train", "val", "test")},
    **{f"{part}_dataloader.persistent_workers": False for part in ("train", "val", "test")},
}  # fmt: skip


@pytest.fixture
def run(root: Path, drawn_cats: Path, tmp_path: Path):
    """Train so many epochs of three iterations with more hooks; the work dir."""

    def go(epochs: int, *hooks: dict, **options) -> Path:
        name = f"run_{time.monotonic_ns()}"  # MMEngine keeps loggers and hubs by name, for as long as Python runs
        own = {
            "experiment_name": name,
            "visualizer.name": name,
            "max_epochs": epochs,
            "custom_hooks": list(hooks),
        }
        more = {**own, **TINY, **options.pop("more", {})}
        config = root / "configs/cat_hourglass_sample.py"
        return train(config, data=drawn_cats, work_dir=tmp_path / "run", cfg_options=more, **options)

    return go


class Tick(Hook):
    """Puts the clock of the budget on by 10 s an iteration; what really passes does not count."""

    priority = "VERY_HIGH"
    now = 0.0

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        Tick.now += 10


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> dict:
    """The hook's config."""
    HOOKS.register_module(name="TickForTests", module=Tick, force=True)
    monkeypatch.setitem(time_budget_hook.CLOCKS, "wall", lambda: Tick.now)
    return dict(type="TickForTests")


def last(folder: Path) -> dict:
    return read_checkpoint(Path((folder / "last_checkpoint").read_text().strip()))


def test_an_epoch_is_cut_short_saved_and_validated_as_the_last_one(run, ticking: dict):
    """10 s an iteration, three an epoch: 45 s are over after the fifth iteration, in the second of 9 epochs."""
    folder = run(9, ticking, dict(type="TimeBudgetHook", minutes=0.75), more={"train_cfg.val_interval": 5})
    content = last(folder)
    assert (content["meta"]["epoch"], content["meta"]["iter"]) == (2, 5)
    assert content["message_hub"]["runtime_info"][OVER] is True
    assert content["message_hub"]["runtime_info"][SPENT] == 50
    assert [p.name for p in folder.glob("best_*")] == ["best_AP_epoch_2.pth"]  # validated out of turn


def test_with_time_left_nothing_changes(run):
    folder = run(2, dict(type="TimeBudgetHook", minutes=5))
    content = last(folder)
    assert (content["meta"]["epoch"], content["meta"]["iter"]) == (2, 6)
    assert content["message_hub"]["runtime_info"][OVER] is False


def test_a_resumed_run_goes_on_counting_and_reads_its_checkpoint_once(
    run, ticking: dict, monkeypatch: pytest.MonkeyPatch
):
    """Three iterations have spent 30 s; of 50 s two more fit."""
    read, load = [], torch.load
    monkeypatch.setattr(torch, "load", lambda file, **options: read.append(file) or load(file, **options))
    budget = dict(type="TimeBudgetHook", minutes=50 / 60)
    run(1, ticking, budget)
    folder = run(9, ticking, budget, resume=True)
    assert [Path(file).name for file in read] == ["epoch_1.pth"]
    content = last(folder)
    assert (content["meta"]["epoch"], content["meta"]["iter"]) == (2, 5)
    assert content["message_hub"]["runtime_info"][SPENT] == 50


def test_iteration_based_training_stops_too(run, ticking: dict):
    loop = {"train_cfg": dict(_delete_=True, type="IterBasedTrainLoop", max_iters=50, val_interval=50),
            "param_scheduler": None, "default_hooks.checkpoint.by_epoch": False,
            "default_hooks.checkpoint.interval": 50, "max_epochs": None, "train_cfg.val_interval": 50}  # fmt: skip
    folder = run(1, ticking, dict(type="TimeBudgetHook", minutes=20 / 60), more=loop)
    assert last(folder)["meta"]["iter"] == 2
    assert list(folder.glob("best_AP_iter_*.pth"))


@pytest.mark.parametrize("minutes", [0, -1, "5", True, float("nan")])
def test_a_wrong_budget_is_one_line(minutes):
    with pytest.raises(BadInputError, match="TimeBudgetHook: wrong minutes; expected > 0"):
        TimeBudgetHook(minutes)


def test_an_unknown_clock_is_one_line():
    with pytest.raises(BadInputError, match="unknown clock; expected wall or cpu; found 'sun'"):
        TimeBudgetHook(1, clock="sun")


def test_the_best_checkpoint_holds_averaged_weights_and_is_tested_as_such(run, root: Path, drawn_cats: Path):
    """EMA: the weights that validation saw are those in the checkpoint's state_dict; the raw ones lie beside."""
    ema = dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.3, priority="ABOVE_NORMAL")
    folder = run(2, ema)
    best = default_checkpoint(folder)
    assert best.name.startswith("best_AP")
    content = read_checkpoint(best)
    averaged, beside = content["state_dict"], content["ema_state_dict"]
    learnt = [k for k, v in averaged.items() if v.dtype.is_floating_point and "running" not in k]
    assert any(not torch.equal(averaged[k], beside[f"module.{k}"]) for k in learnt)
    config = root / "configs/cat_hourglass_sample.py"
    options = {"custom_hooks": [ema], "test_dataloader.dataset.split": "val", "max_epochs": 2, **TINY}
    numbers, _, _ = evaluate(config, best, data=drawn_cats, work_dir=folder, cfg_options=options)
    logged = [json.loads(line) for f in folder.glob("*/vis_data/scalars.json") for line in f.open()]
    seen = next(e for e in logged if e.get("step") == content["meta"]["epoch"] and "EPE" in e)
    assert numbers["EPE"] == pytest.approx(seen["EPE"], rel=1e-4)
    with trust_checkpoints(False):  # and resuming takes the raw ones back
        assert (run(3, ema, resume=True) / "epoch_3.pth").is_file()


def test_early_stopping_ends_a_run_that_no_longer_gets_better(run):
    """An error lower by 10⁶ px is out of reach: two validations without it, after the first, are the patience."""
    stopping = dict(type="EarlyStoppingHook", monitor="EPE", rule="less", min_delta=1e6, patience=2)
    assert last(run(9, stopping))["meta"]["epoch"] == 3


def test_the_hooks_are_kept_in_the_settled_config(run, drawn_cats: Path):
    folder = run(1, dict(type="TimeBudgetHook", minutes=5))
    kept = load_config(folder / "cat_hourglass_sample.py", data=drawn_cats)
    assert kept.custom_hooks[-1].type == "TimeBudgetHook"
