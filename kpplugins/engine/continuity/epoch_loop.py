"""Training by epochs that can go on within one."""

from typing import Any

from mmengine.runner import EpochBasedTrainLoop

from kpplugins.engine.continuity.pending import validate_pending
from kpplugins.engine.continuity.seeded_batches import SeededBatches, seed_iteration


class ContinuedEpochLoop(EpochBasedTrainLoop):
    """MMEngine's loop, but it starts where its iteration says, also within an epoch, and its randomness is seeded.

    A validation that the stopped training had not finished is made first.

    Args:
        *args: see MMEngine's ``EpochBasedTrainLoop``.
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
        if self._iter and self._iter == self._epoch * len(self.dataloader) and self._is_validated():
            validate_pending(self.runner)
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._decide_current_val_interval()
            if self._is_validated():
                self.runner.val_loop.run()
        self.runner.call_hook("after_train")
        return self.runner.model

    def run_epoch(self) -> None:
        """Train on what is left of an epoch."""
        done = max(self._iter - self._epoch * len(self.dataloader), 0)
        if self.batches is not None:
            self.batches.start_at(self._epoch, done)
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        batches = iter(self.dataloader)
        try:
            for index, batch in enumerate(batches, done if self.batches is not None else 0):
                self.run_iter(index, batch)
        finally:
            del batches  # and with it its workers, whatever keeps this frame
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1

    def run_iter(self, idx: int, data_batch: Any) -> None:
        """Train on a batch."""
        seed_iteration(self.runner.seed, self._iter)
        super().run_iter(idx, data_batch)

    def _is_validated(self) -> bool:
        """Tell whether a validation follows on the epoch that ends here."""
        due = self._epoch >= self.val_begin and self._epoch % self.val_interval == 0
        return self.runner.val_loop is not None and (due or self._epoch == self._max_epochs)
