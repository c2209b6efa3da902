"""A progress bar with the time left."""

import time
from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmpose.registry import HOOKS
from tqdm import tqdm


@HOOKS.register_module()
class ProgressBarHook(Hook):
    """Shows a bar over all training iterations, and one over each validation or test, on a terminal.

    If the output is not a terminal, no bar is drawn; MMEngine's log lines have the time left.

    Args:
        disable: ``True`` for no bar, ``False`` for one always, ``None`` for one on a terminal.
    """

    priority = "VERY_LOW"

    def __init__(self, disable: bool | None = None) -> None:
        self.disable = disable
        self._bars: dict[str, tqdm] = {}

    def before_train(self, runner: Any) -> None:
        """Open the bar at the iteration from which a resumed run continues."""
        self._open("train", runner.max_iters, runner.iter)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Advance the bar and show the loss."""
        if "train" in self._bars:
            self._bars["train"].set_postfix(
                epoch=runner.epoch + 1, loss=f"{float(outputs['loss'].detach()):.5f}", refresh=False
            )
            self._bars["train"].update()

    def after_train(self, runner: Any) -> None:
        """Close."""
        self._close("train")

    def before_val_epoch(self, runner: Any) -> None:
        """Open."""
        self._open("val", len(runner.val_dataloader))

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """One step."""
        self._step("val")

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Close."""
        self._close("val")

    def before_test_epoch(self, runner: Any) -> None:
        """Open."""
        self._open("test", len(runner.test_dataloader))

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """One step."""
        self._step("test")

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Close."""
        self._close("test")

    @master_only
    def _open(self, name: str, total: int, initial: int = 0) -> None:
        bar = tqdm(total=total, initial=initial, desc=name, leave=False, disable=self.disable)
        if not bar.disable:  # else the time left would follow the system's clock
            bar._time = time.monotonic
            bar.start_t = bar.last_print_t = time.monotonic()
        self._bars[name] = bar

    def _step(self, name: str) -> None:
        if name in self._bars:
            self._bars[name].update()

    def _close(self, name: str) -> None:
        if name in self._bars:
            self._bars.pop(name).close()
