"""The training budget of every recipe in a comparison, and the epochs that it allows."""

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
"""A probe trains for this share of the budget, but at most for this many seconds."""
RESERVE = 0.03
"""Share of the minutes that the estimate leaves unused."""


@dataclass(frozen=True)
class Budget:
    """The same number of epochs for every recipe, or the same minutes of training.

    Attributes:
        epochs: passes over the training data, or ``None``.
        minutes: time from the first iteration to the last, validation and checkpoints included, or ``None``.
        clock: how minutes are measured: ``wall``, or ``cpu`` for minutes of one processor core.

    Raises:
        BadInputError: both or neither are given, or the value is not positive.
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
    """Train a recipe briefly to estimate how many epochs fit the minutes.

    The probe takes a tenth of the minutes, at most one minute. It leaves no files and does not count as training.

    Args:
        budget: one with minutes.
        config: the recipe's config file.
        data: the data folder that every dataset reads.
        cfg_options: values by dotted key that override the config's.
        skip_bad: skip bad files.
        from_scratch: leave out the pretrained weights that the config names.

    Returns:
        The number of epochs, at least 1.

    Raises:
        BadInputError: see ``load_config`` and ``build_runner``.
    """
    minutes = budget.minutes or 0.0
    pace = pace_of(
        config,
        seconds=min(60 * PROBE_SHARE * minutes, PROBE_SECONDS),
        clock=budget.clock,
        data=data,
        cfg_options=cfg_options,
        skip_bad=skip_bad,
        from_scratch=from_scratch,
    )
    return epochs_that_fit(60 * minutes * (1 - RESERVE), pace.epoch, pace.validation, pace.interval)


@dataclass(frozen=True)
class Pace:
    """How fast a recipe trains on this machine.

    Attributes:
        epoch: seconds of one epoch.
        validation: seconds of one validation.
        start: seconds from the beginning to the first iteration.
        samples: of one epoch.
        iterations: of one epoch.
        interval: epochs from one validation to the next, in the config.
    """

    epoch: float
    validation: float
    start: float
    samples: int
    iterations: int
    interval: int


def pace_of(
    config: Path,
    *,
    seconds: float,
    clock: str = "wall",
    data: str | Path | None = None,
    cfg_options: dict[str, Any] | None = None,
    skip_bad: bool = False,
    from_scratch: bool = False,
) -> Pace:
    """Train a recipe for a few seconds and validate it once, to see how long an epoch takes. It leaves no files.

    Args:
        config: the recipe's config file.
        seconds: of training; the start and the validation come on top.
        clock: in which to measure.
        data: the data folder that every dataset reads. Default: the config's own.
        cfg_options: values by dotted key that override the config's.
        skip_bad: skip bad files.
        from_scratch: leave out the pretrained weights that the config names.

    Returns:
        The pace.

    Raises:
        BadInputError: see ``load_config`` and ``build_runner``.
    """
    from kpplugins.engine.time_budget_hook import TimeBudgetHook

    now = CLOCKS[clock]
    begun = now()
    # Windows cannot delete the log, which is still open
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        cfg = load_config(config, data=data, work_dir=folder, cfg_options=cfg_options, skip_bad=skip_bad)
        interval = int(cfg.train_cfg.get("val_interval", 1))
        if from_scratch:
            drop_pretrained(cfg)
        cfg.train_cfg.val_interval = 10**9  # only once, at the end
        runner = build_runner(cfg, training=True)
        times = _Clock(now)
        runner.register_hook(times)
        runner.register_hook(TimeBudgetHook(seconds / 60, clock))
        runner.train()
    loader = runner.train_dataloader
    epoch = times.seconds_of_an_epoch(len(loader))
    return Pace(epoch, times.validation, times.begins[0] - begun, len(loader.dataset), len(loader), interval)


def epochs_that_fit(seconds: float, epoch: float, validation: float, interval: int) -> int:
    """Return how many epochs fit; the validation after the last one does not count.

    Args:
        seconds: the time for all of them.
        epoch: seconds of one epoch.
        validation: seconds of one validation.
        interval: epochs from one validation to the next.

    Returns:
        The largest number of epochs that fits, at least 1.
    """
    number = max(1, int(seconds / epoch))
    while number > 1 and number * epoch + (number - 1) // interval * validation > seconds:
        number -= 1
    return number


class _Clock(Hook):
    """Records when epochs began and iterations ended, and how long the last validation took."""

    priority = "VERY_HIGH"

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.begins: list[float] = []
        self.ends: list[float] = []
        self.validation = 0.0

    def before_train_epoch(self, runner: Any) -> None:
        """Note when the epoch began."""
        self.begins.append(self._now())

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Note when the iteration ended."""
        self.ends.append(self._now())

    def before_val(self, runner: Any) -> None:
        """Start timing the validation."""
        self._began = self._now()

    def after_val(self, runner: Any) -> None:
        """Stop timing the validation."""
        self.validation = self._now() - self._began

    def seconds_of_an_epoch(self, iterations: int) -> float:
        """Return the time of one epoch.

        It is measured on whole epochs after the first, which decodes every image, else on the later half of the
        iterations.
        """
        if len(self.begins) > 2:
            return (self.begins[-1] - self.begins[1]) / (len(self.begins) - 2)
        steps = [b - a for a, b in zip(self.ends, self.ends[1:], strict=False)]
        steps = steps[len(steps) // 2 :] or [self.ends[-1] - self.begins[0]]
        return iterations * sum(steps) / len(steps)
