"""The best checkpoint and early stopping, by a run of validations."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mmengine.hooks import CheckpointHook, EarlyStoppingHook
from mmengine.logging import MessageHub

import kpplugins.register  # noqa: F401
from kpplugins.engine import BestCheckpointHook, PatientStoppingHook
from kpplugins.engine.guards.guarded import guarded_hooks
from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import default_checkpoint

FALLING = [109.4, 98.0, 80.0, 72.0, 60.7, 61.0]


class Run:
    """A Runner whose checkpoints are empty files."""

    def __init__(self, folder: Path, hook: Any) -> None:
        self.work_dir, self.hook, self.epoch, self.iter, self.said = str(folder), hook, 0, 0, []
        self.message_hub = MessageHub.get_instance(f"{folder}-{id(self)}")
        self.logger = SimpleNamespace(info=lambda text, *values: self.said.append(text % values))
        self.max_epochs, self.max_iters, self.saved_at = 99, 990, None
        self.train_loop = SimpleNamespace(stop_training=False)

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        (Path(out_dir) / filename).touch()

    def validate(self, **metrics: float) -> "Run":
        self.epoch += 1
        self.iter += 10
        self.hook.after_val_epoch(self, metrics)
        return self


def saving(folder: Path, **options: Any) -> Run:
    run = Run(folder, BestCheckpointHook(**{"save_best": "AP", "rule": "greater", **options}))
    run.hook.before_train(run)
    return run


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("best_*.pth"))


def test_an_ap_of_0_keeps_the_checkpoint_with_the_lowest_error(tmp_path: Path):
    run = saving(tmp_path)
    for error in FALLING:
        run.validate(AP=0.0, EPE=error)
    assert names(tmp_path) == ["best_AP_epoch_5.pth"]  # MMEngine's keeps epoch 1
    assert any("EPE 60.7 decides: this one is the best checkpoint" in line for line in run.said)


@pytest.mark.parametrize("rule", ["greater", None])
@pytest.mark.parametrize("key", ["EPE", "NME", "val_loss"])
def test_an_error_is_best_where_it_is_lowest_though_a_base_config_says_greater(
    key: str, rule: str | None, tmp_path: Path
):
    run = saving(tmp_path, save_best=key, rule=rule)
    for value in (135.8, 120.4, 150.4):
        run.validate(**{key: value, "AP": 0.0})
    assert names(tmp_path) == [f"best_{key}_epoch_2.pth"]


def test_every_metric_of_a_list_has_its_own_rule(tmp_path: Path):
    run = saving(tmp_path, save_best=["PCK@0.1", "EPE"], rule="less")
    run.validate(**{"PCK@0.1": 0.5, "EPE": 9.0}).validate(**{"PCK@0.1": 0.9, "EPE": 5.0})
    run.validate(**{"PCK@0.1": 0.7, "EPE": 7.0})
    assert names(tmp_path) == ["best_EPE_epoch_2.pth", "best_PCK@0.1_epoch_2.pth"]


@pytest.mark.parametrize("rule", ["greater", None])
def test_early_stopping_watches_an_error_fall(rule: str | None, tmp_path: Path):
    run = Run(tmp_path, PatientStoppingHook(monitor="EPE", rule=rule, patience=2))
    for value in (9.0, 8.0, 7.0, 6.0):
        run.validate(EPE=value)
    assert not run.train_loop.stop_training
    run.validate(EPE=7.0).validate(EPE=8.0)
    assert run.train_loop.stop_training


def test_a_score_that_says_something_wins_over_any_error(tmp_path: Path):
    saving(tmp_path).validate(AP=0.0, EPE=20.0).validate(AP=0.2, EPE=30.0).validate(AP=0.1, EPE=10.0)
    assert names(tmp_path) == ["best_AP_epoch_2.pth"]


def test_a_resumed_run_remembers_the_error(tmp_path: Path):
    first = saving(tmp_path).validate(AP=0.0, EPE=50.0)
    second = saving(tmp_path)
    for key, value in first.message_hub.runtime_info.items():
        second.message_hub.update_info(key, value)
    second.hook.before_train(second)
    second.epoch = 1
    second.validate(AP=0.0, EPE=60.0)
    assert names(tmp_path) == ["best_AP_epoch_1.pth"]
    second.validate(AP=0.0, EPE=40.0)
    assert names(tmp_path) == ["best_AP_epoch_3.pth"]


def test_auto_takes_the_first_metric(tmp_path: Path):
    saving(tmp_path, save_best="auto", rule="greater").validate(PCK=0.0, EPE=9.0).validate(PCK=0.0, EPE=8.0)
    assert names(tmp_path) == ["best_PCK_epoch_2.pth"]


def test_a_metric_that_is_not_measured_is_one_line(tmp_path: Path):
    with pytest.raises(BadInputError, match="save_best: save_best names no metric.*expected EPE; found AP"):
        saving(tmp_path).validate(EPE=1.0)


def test_of_several_best_checkpoints_the_first_named_metric_counts(tmp_path: Path):
    run = saving(tmp_path, save_best=["AP", "EPE"], rule=["greater", "less"])
    run.validate(AP=0.5, EPE=9.0).validate(AP=0.4, EPE=8.0)
    assert names(tmp_path) == ["best_AP_epoch_1.pth", "best_EPE_epoch_2.pth"]
    assert default_checkpoint(tmp_path).name == "best_EPE_epoch_2.pth"  # the newest; no config says more
    (tmp_path / "run.py").write_text("default_hooks = dict(checkpoint=dict(save_best=['AP', 'EPE']))")
    assert default_checkpoint(tmp_path).name == "best_AP_epoch_1.pth"


def stopped_at(tmp_path: Path, scores: list[float], errors: list[float], **options: Any) -> int | None:
    hook = PatientStoppingHook(
        **{"monitor": "AP", "rule": "greater", "min_delta": 1e-3, "patience": 2, **options}
    )
    run = Run(tmp_path, hook)
    for score, error in zip(scores, errors, strict=True):
        run.validate(AP=score, EPE=error)
        if run.train_loop.stop_training:
            return run.epoch
    return None


def test_early_stopping_waits_while_the_error_falls(tmp_path: Path):
    assert stopped_at(tmp_path, [0.0] * 5, FALLING[:5]) is None
    assert stopped_at(tmp_path, [0.0] * 5, [9.0, 9.0, 9.0, 9.0, 9.0]) == 3
    assert stopped_at(tmp_path, [0.0] * 6, [9.0, 8.0, 8.5, 8.2, 7.0, 6.0]) == 4  # two without a lower one
    assert stopped_at(tmp_path, [0.5, 0.4, 0.4], [9.0, 8.0, 7.0]) == 3  # here AP says that it is worse


def test_early_stopping_by_what_is_not_measured_is_one_line(tmp_path: Path):
    with pytest.raises(BadInputError, match="EarlyStoppingHook.monitor: early stopping monitors no metric"):
        Run(tmp_path, PatientStoppingHook(monitor="mAP")).validate(AP=0.5)


class Own(CheckpointHook):
    """A user's own kind."""


@pytest.mark.parametrize("kind", ["CheckpointHook", "mmengine.CheckpointHook", CheckpointHook])
def test_mmengines_hooks_are_exchanged_and_others_stay(kind: Any):
    given = {
        "checkpoint": dict(type=kind, save_best="AP"),
        "sampler": dict(type="DistSamplerSeedHook"),
        "logger": None,
    }
    own = [dict(type=Own), dict(type="EMAHook"), dict(type=EarlyStoppingHook, monitor="AP")]
    defaults, custom = guarded_hooks(given, own)
    assert defaults["checkpoint"] == dict(type="mmpose.BestCheckpointHook", save_best="AP")
    assert (defaults["sampler"], defaults["logger"]) == (given["sampler"], None)
    assert custom[:2] == own[:2] and custom[2]["type"] == "mmpose.PatientStoppingHook"
    assert given["checkpoint"]["type"] is kind or given["checkpoint"]["type"] == kind
