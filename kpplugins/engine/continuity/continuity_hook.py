"""End a training that was told to stop at a place from which it can go on."""

from typing import Any

from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from kpplugins.engine.continuity.state import pending_gradients


@HOOKS.register_module()
class ContinuityHook(Hook):
    """Saves and ends a training that has received a signal to stop (``StopSignals``).

    It ends after the iteration, also within an epoch; or within a validation, if a checkpoint was written before it,
    and after it otherwise.
    """

    priority = "LOWEST"  # after everything that belongs to an iteration

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Add the gradients that wait for a step."""
        if "optimizer" in checkpoint:
            checkpoint.update(pending_gradients(runner))

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """End after an iteration."""
        self._end(runner, runner.iter + 1)

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """End within a validation; the resumed training makes it again."""
        if runner.saved_at == runner.iter:
            self._end(runner, runner.iter)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """End after a validation before which nothing was saved."""
        self._end(runner, runner.iter)

    def _end(self, runner: Any, done: int) -> None:
        received = runner.signals.agreed()
        if received:
            runner.save_and_end(runner.epoch, done, received)
