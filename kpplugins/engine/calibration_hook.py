"""Learn from each validation what the scores of the weights say."""

from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from kpplugins.evaluation import EvaluationResult
from kpplugins.evaluation.calibrations import calibrations_of


@HOOKS.register_module()
class CalibrationHook(Hook):
    """Puts what a validation says about visibility and uncertainty into the run's record, until the weights change.

    So each checkpoint that is saved after a validation of its weights has its own calibrations, the best one and the
    last one among them. It needs ``KeypointMetric`` or ``BoxKeypointMetric``; the end of the training says what was
    learnt, or why nothing was.
    """

    def __init__(self) -> None:
        self._said: list[str] = []

    @master_only
    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Calibrate; runs before the checkpoint is saved."""
        results = [getattr(metric, "result", None) for metric in runner.val_evaluator.metrics]
        result = next((r for r in results if isinstance(r, EvaluationResult)), None)
        if result is None or runner.record is None:
            return
        found = calibrations_of(result)
        runner.record = runner.record.calibrated(found)
        self._said = [one if isinstance(one, str) else one.words for one in found.values()]

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Forget the calibrations of other weights."""
        if runner.record is not None and any(runner.record.calibrations.values()):
            runner.record = runner.record.calibrated(dict.fromkeys(runner.record.calibrations))

    @master_only
    def after_train(self, runner: Any) -> None:
        """Say what the last validation gave."""
        for words in self._said:
            runner.logger.info(words)
