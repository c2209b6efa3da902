"""Early stopping that does not stop while the error falls."""

from typing import Any

from mmengine.hooks import EarlyStoppingHook
from mmpose.registry import HOOKS

from kpplugins.engine.guards.validation_rank import Rank, rank_of, rule_of
from kpplugins.structures import BadInputError

_COUNT = "early_stopping"
"""Key in the message hub, and so in every checkpoint: validations without progress, the best score and its rank."""


@HOOKS.register_module()
class PatientStoppingHook(EarlyStoppingHook):
    """Stops as MMEngine's hook does, but counts no validation whose score ties with the best while its error is lower.

    A training whose AP is still 0 is not over as long as its keypoints come nearer (``rank_of``).

    Args:
        monitor: the metric that counts.
        rule: ``greater`` or ``less``; the metric's own where that is known (``rule_of``).
        **kwargs: see MMEngine's ``EarlyStoppingHook``.

    Raises:
        BadInputError: at a validation, if ``monitor`` is a metric that it does not measure.
    """

    priority = "LOW"  # before the checkpoint is written, which has to hold the count
    _best: Rank | None = None

    def before_train(self, runner: Any) -> None:
        """Go on counting, if the training is resumed."""
        if runner.iter and _COUNT in runner.message_hub.runtime_info:
            self.wait_count, self.best_score, best = runner.message_hub.get_info(_COUNT)
            self._best = best and tuple(best)
            if self.wait_count >= self.patience:
                runner.train_loop.stop_training = True
                runner.logger.warning("early stopping has ended this training; to go on: a greater patience")

    def __init__(self, monitor: str, rule: str | None = None, **kwargs: Any) -> None:
        super().__init__(monitor, rule_of(monitor, rule), **kwargs)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Decide whether to stop the training."""
        metrics = metrics or {}
        if self.monitor not in metrics:
            raise BadInputError(
                "early stopping monitors no metric of the validation", where="EarlyStoppingHook.monitor",
                expected=", ".join(metrics), found=self.monitor,
            )  # fmt: skip
        rank = rank_of(metrics, self.monitor, self.rule)
        if self._best is not None and rank[0] == self._best[0] and rank > self._best:
            self.wait_count = -1  # MMEngine's hook adds one
        self._best = rank if self._best is None else max(rank, self._best)
        super().after_val_epoch(runner, metrics)
        state = [self.wait_count, self.best_score, list(self._best)]
        runner.message_hub.update_info(_COUNT, state)
