"""Learn from each validation what the scores of the weights say about visibility."""

from dataclasses import replace
from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from kpplugins.evaluation import EvaluationResult
from kpplugins.evaluation.visibility import calibrated
from kpplugins.structures import VisibilityCalibration


@HOOKS.register_module()
class VisibilityHook(Hook):
    """Puts the calibration of visibility that a validation gives into the run's record, until the weights change.

    So each checkpoint that is saved after a validation of its weights has its own, the best one and the last one among
    them. It needs ``KeypointMetric`` or ``BoxKeypointMetric``; the end of the training says what was learnt, or why
    nothing was.
    """

    def __init__(self) -> None:
        self._said = ""

    @master_only
    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Calibrate; runs before the checkpoint is saved."""
        results = [getattr(metric, "result", None) for metric in runner.val_evaluator.metrics]
        result = next((r for r in results if isinstance(r, EvaluationResult)), None)
        if result is None or runner.record is None:
            return
        found = calibrated(result)
        if isinstance(found, VisibilityCalibration):
            runner.record, self._said = replace(runner.record, visibility=found), found.words
        else:
            runner.record, self._said = replace(runner.record, visibility=None), found

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Forget the calibration of other weights."""
        if runner.record is not None and runner.record.visibility is not None:
            runner.record = replace(runner.record, visibility=None)

    @master_only
    def after_train(self, runner: Any) -> None:
        """Say what the last validation gave."""
        if self._said:
            runner.logger.info(self._said)
