"""A time limit for training."""

from collections.abc import Iterator
from typing import Any

import torch
from mmengine.dist import broadcast
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop
from mmpose.registry import HOOKS

from kpplugins.engine.clocks import CLOCKS
from kpplugins.structures import BadInputError

SPENT, OVER = "time_budget_spent", "time_budget_over"
"""Keys in the message hub, and so in every checkpoint: the seconds spent, and whether they ended the training."""


@HOOKS.register_module()
class TimeBudgetHook(Hook):
    """Ends training after a number of minutes, as if the current epoch were the last one.

    All time from the first iteration to the end of the last one counts, including waiting for data, validation and
    writing checkpoints; the start of the program and the final validation and checkpoint do not. The epoch is cut
    short, then saved and validated as a last epoch is. A resumed run continues the count.

    Learning-rate schedules do not follow this clock. Choose ``max_epochs`` to fit the time, and use this hook as a
    safeguard on slow machines, as ``kpplugins.apis.compare`` does.

    Args:
        minutes: of training, > 0.
        clock: ``wall``, or ``cpu``: minutes of one processor core, including data workers, which do not depend on other
            load on the machine.

    Raises:
        BadInputError: ``minutes`` is not a positive number, or there is no such clock.
    """

    priority = "ABOVE_NORMAL"  # before the hooks that ask whether this is the last epoch

    def __init__(self, minutes: float, clock: str = "wall") -> None:
        if isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not minutes > 0:
            raise BadInputError("wrong minutes", where="TimeBudgetHook", expected="> 0", found=repr(minutes))
        if clock not in CLOCKS:
            raise BadInputError(
                "unknown clock", where="TimeBudgetHook", expected=" or ".join(CLOCKS), found=repr(clock)
            )
        self.seconds, self._now = minutes * 60.0, CLOCKS[clock]
        self.over = False
        self._start = 0.0

    def before_train(self, runner: Any) -> None:
        """Start the clock; a resumed run continues from the time it has spent."""
        spent = runner.message_hub.get_info(SPENT, 0.0) if runner.iter > 0 else 0.0
        self._start, self.over = self._now() - spent, False
        runner.message_hub.update_info(OVER, False)
        loop = runner.train_loop
        if isinstance(loop, EpochBasedTrainLoop):  # the other kind asks after every iteration whether to stop
            loop.dataloader = _Until(loop.dataloader, self)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Check the clock; all processes use that of the first one."""
        spent = torch.tensor([self._now() - self._start], dtype=torch.float64)
        broadcast(spent)
        runner.message_hub.update_info(SPENT, float(spent))
        if self.over or float(spent) < self.seconds:
            return
        self.over = True
        runner.train_loop.stop_training = True
        done, planned = runner.iter + 1, runner.max_iters
        if done < planned:
            runner.message_hub.update_info(OVER, True)
            words = "%g minutes of training are over: stopped after iteration %d of %d"
            runner.logger.info(words, self.seconds / 60, done, planned)
        runner.train_loop._max_iters = (
            done  # the last one, also for the hooks that save and validate after it
        )

    def after_train_epoch(self, runner: Any) -> None:
        """Declare the epoch that was cut short the last one, so that it is saved and validated."""
        if self.over and isinstance(runner.train_loop, EpochBasedTrainLoop):
            runner.train_loop._max_epochs = runner.epoch + 1

    def after_train(self, runner: Any) -> None:
        """Restore the loop's own loader."""
        if isinstance(runner.train_loop.dataloader, _Until):
            runner.train_loop.dataloader = runner.train_loop.dataloader.loader


class _Until:
    """A data loader that ends when the hook's time is over."""

    def __init__(self, loader: Any, hook: TimeBudgetHook) -> None:
        self.loader, self._hook = loader, hook

    def __iter__(self) -> Iterator[Any]:
        for batch in self.loader:
            yield batch
            if self._hook.over:
                return

    def __len__(self) -> int:
        return len(self.loader)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)
