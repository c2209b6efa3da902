"""The calibration in a run's record is of the weights that a checkpoint has."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from kpplugins.engine import CalibrationHook
from kpplugins.evaluation import EvaluationResult
from kpplugins.schema import KeypointSchema
from kpplugins.weights.run_record import RunRecord


def validated(visibility: np.ndarray) -> Any:
    """A runner after a validation."""
    n = len(visibility)
    result = EvaluationResult(
        schema=KeypointSchema("cat", ("ear", "tail")), images=["a.png"] * n, categories=["cat"] * n,
        image_ids=np.arange(n), sizes=np.full((n, 2), 50), truth=np.zeros((n, 2, 2)), visibility=visibility,
        predicted=np.random.default_rng(0).normal(0, 1, (n, 2, 2)), scores=visibility / 2.0,
        box_scores=np.ones(n), boxes=np.tile([0, 0, 9, 9], (n, 1)),
        areas=np.ones(n), interocular=None,
    )  # fmt: skip
    said: list[str] = []
    return SimpleNamespace(
        record=RunRecord(name="run"), said=said, logger=SimpleNamespace(info=said.append),
        val_evaluator=SimpleNamespace(metrics=[object(), SimpleNamespace(result=result)]),
    )  # fmt: skip


def test_it_is_there_until_the_weights_change():
    hook, runner = CalibrationHook(), validated(np.tile([[2, 0], [0, 2]], (40, 1)))
    hook.after_train_iter(runner, 0)
    assert runner.record == RunRecord(name="run")
    hook.after_val_epoch(runner, {})
    assert runner.record.visibility.keypoints == ("ear", "tail") and runner.record.name == "run"
    hook.after_train(runner)
    assert runner.said == [one.words for one in runner.record.calibrations.values()]
    hook.after_train_iter(runner, 0)
    assert runner.record == RunRecord(name="run")


def test_the_reason_is_said_once_where_nothing_can_be_learnt():
    hook, runner = CalibrationHook(), validated(np.full((30, 2), 2))
    for _ in range(3):
        hook.after_val_epoch(runner, {})
    assert runner.record.visibility is None and runner.said == []
    hook.after_train(runner)
    assert len(runner.said) == 2 and "0 are absent, 0 occluded and 60 visible" in runner.said[0]


def test_other_metrics_and_runners_without_a_record_are_left_alone():
    hook, runner = CalibrationHook(), validated(np.tile([[2, 0], [0, 2]], (40, 1)))
    runner.record = None
    hook.after_val_epoch(runner, {})
    hook.after_train_iter(runner, 0)
    assert runner.record is None
    runner = validated(np.tile([[2, 0], [0, 2]], (40, 1)))
    runner.val_evaluator.metrics.pop()
    hook.after_val_epoch(runner, {})
    hook.after_train(runner)
    assert runner.record.visibility is None and runner.said == []


def test_it_goes_into_the_checkpoint_and_beside_the_best_one(tmp_path: Path, training: Any):
    """Of a real Runner; what is not the best does not replace the file."""
    runner = training(dict(type="ConstantLR", factor=1.0), epochs=1)
    hook, other = CalibrationHook(), validated(np.tile([[2, 0], [0, 2]], (40, 1)))
    hook.after_val_epoch(other, {})
    runner.record = other.record
    for name in ("best_AP_epoch_1.pth", "epoch_1.pth"):
        runner.save_checkpoint(str(tmp_path / "saved"), name, save_optimizer=False)
    assert '"checkpoint": "best_AP_epoch_1.pth"' in (tmp_path / "saved/visibility.json").read_text()
