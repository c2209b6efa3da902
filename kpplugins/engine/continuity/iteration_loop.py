"""Training by iterations that goes on as if it had not been stopped."""

from typing import Any

from mmengine.runner import IterBasedTrainLoop

from kpplugins.engine.continuity.pending import validate_pending
from kpplugins.engine.continuity.seeded_batches import SeededBatches, seed_iteration


class ContinuedIterationLoop(IterBasedTrainLoop):
    """MMEngine's loop, but its randomness is seeded, and what a resumed run skips is never loaded.

    A validation that the stopped training had not finished is made first.

    Args:
        *args: see MMEngine's ``IterBasedTrainLoop``.
        **kwargs: see there.

    Attributes:
        batches: of the loader.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.batches = SeededBatches.put_into(self.dataloader, self.runner.seed)

    def run(self) -> Any:
        """Train."""
        self.runner.call_hook("before_train")
        self.runner.call_hook("before_train_epoch")
        if self._iter:
            if self.batches is None:
                self.dataloader_iterator.skip_iter(self._iter)
            else:
                self.dataloader_iterator._epoch = self.batches.start_after(self._iter)
            if self._is_validated():
                validate_pending(self.runner)
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            self.run_iter(next(self.dataloader_iterator))
            self._decide_current_val_interval()
            if self._is_validated():
                self.runner.val_loop.run()
        self.runner.call_hook("after_train_epoch")
        self.runner.call_hook("after_train")
        return self.runner.model

    def run_iter(self, data_batch: Any) -> None:
        """Train on a batch."""
        seed_iteration(self.runner.seed, self._iter)
        super().run_iter(data_batch)

    def _is_validated(self) -> bool:
        """Tell whether a validation follows on the iteration that ends here."""
        due = self._iter >= self.val_begin and self._iter % self.val_interval == 0
        return self.runner.val_loop is not None and (
            due or (self._iter >= self.val_begin and self._iter == self._max_iters)
        )
