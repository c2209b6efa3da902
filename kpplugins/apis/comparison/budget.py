"""How much training every recipe of a comparison gets, and how many epochs that is."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook

from kpplugins.config.load import load_config
from kpplugins.engine.clocks import CLOCKS
from kpplugins.engine.runner import build_runner
from kpplugins.structures import BadInputError
from kpplugins.weights.pretrained import drop_pretrained

PROBE_SHARE, PROBE_SECONDS = 0.1, 60.0
"""A probe trains for this share of the budget, and no longer than so many seconds."""
RESERVE = 0.03
"""Share of the minutes that the estimate leaves free."""


@dataclass(frozen=True)
class Budget:
    """The same number of epochs for every recipe, or the same minutes of training.

    Attributes:
        epochs: passes over the training data, or ``None``.
        minutes: time from the first iteration to the last, validation and checkpoints included, or ``None``.
        clock: what the minutes are of: ``wall``, or ``cpu`` for minutes of one processor core.

    Raises:
        BadInputError: both or neither, or not positive.
    """

    epochs: int | None = None
    minutes: float | None = None
    clock: str = "wall"

    def __post_init__(self) -> None:
        if (self.epochs is None) == (self.minutes is None):
            raise BadInputError("one budget is needed", expected="either epochs or minutes")
        if self.epochs is not None and (not isinstance(self.epochs, int) or self.epochs < 1):
            raise BadInputError("wrong budget", where="epochs", expected="≥ 1", found=repr(self.epochs))
        if self.minutes is not None and not self.minutes > 0:
            raise BadInputError("wrong budget", where="minutes", expected="> 0", found=repr(self.minutes))

    def __str__(self) -> str:
        if self.epochs is not None:
            return f"{self.epochs} epoch{'s' if self.epochs > 1 else ''} each"
        return f"{self.minutes:g} {'CPU-' if self.clock == 'cpu' else ''}minutes of training each"


def epochs_within(
    budget: Budget,
    config: Path,
    *,
    data: str | Path,
    cfg_options: dict[str, Any] | None = None,
    skip_bad: bool = False,
    from_scratch: bool = False,
) -> int:
    """Train a recipe for a moment, and say how many epochs fit the minutes; at least one.

    The probe takes a tenth of the minutes, no more than one, and leaves nothing behind. It does not count.

    Args:
        budget: of minutes.
        config: the recipe.
        data: folder that every dataset is pointed at.
        cfg_options: values by dotted key that go over the config's.
        skip_bad: go on without bad files.
        from_scratch: leave out the pretrained weights that the config names.

    Raises:
        BadInputError: see ``load_config`` and ``build_runner``.
    """
    from kpplugins.engine.time_budget_hook import TimeBudgetHook

    minutes = budget.minutes or 0.0
    # Windows keeps the log open
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        cfg = load_config(config, data=data, work_dir=folder, cfg_options=cfg_options, skip_bad=skip_bad)
        interval = int(cfg.train_cfg.get("val_interval", 1))
        if from_scratch:
            drop_pretrained(cfg)
        cfg.train_cfg.val_interval = 10**9  # only once, at the end
        runner = build_runner(cfg, training=True)
        clock = _Clock(CLOCKS[budget.clock])
        runner.register_hook(clock)
        runner.register_hook(TimeBudgetHook(min(PROBE_SHARE * minutes, PROBE_SECONDS / 60), budget.clock))
        runner.train()
    epoch = clock.seconds_of_an_epoch(len(runner.train_dataloader))
    return epochs_that_fit(60 * minutes * (1 - RESERVE), epoch, clock.validation, interval)


def epochs_that_fit(seconds: float, epoch: float, validation: float, interval: int) -> int:
    """The most epochs that fit; at least one. The validation after the last one does not count.

    Args:
        seconds: that they may take together.
        epoch: seconds of one.
        validation: seconds of one validation.
        interval: epochs from one validation to the next.
    """
    number = max(1, int(seconds / epoch))
    while number > 1 and number * epoch + (number - 1) // interval * validation > seconds:
        number -= 1
    return number


class _Clock(Hook):
    """When the epochs began and the iterations ended, and how long the last validation took."""

    priority = "VERY_HIGH"

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.begins: list[float] = []
        self.ends: list[float] = []
        self.validation = 0.0

    def before_train_epoch(self, runner: Any) -> None:
        """Called by the Runner."""
        self.begins.append(self._now())

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Called by the Runner."""
        self.ends.append(self._now())

    def before_val(self, runner: Any) -> None:
        """Called by the Runner."""
        self._began = self._now()

    def after_val(self, runner: Any) -> None:
        """Called by the Runner."""
        self.validation = self._now() - self._began

    def seconds_of_an_epoch(self, iterations: int) -> float:
        """From whole epochs after the first, which decodes every image; else from the later half of what there is."""
        if len(self.begins) > 2:
            return (self.begins[-1] - self.begins[1]) / (len(self.begins) - 2)
        steps = [b - a for a, b in zip(self.ends, self.ends[1:], strict=False)]
        steps = steps[len(steps) // 2 :] or [self.ends[-1] - self.begins[0]]
        return iterations * sum(steps) / len(steps)
