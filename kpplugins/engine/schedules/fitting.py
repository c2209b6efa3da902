"""The schedulers of a config as a training of a certain length and with certain parameter groups needs them."""

from collections.abc import Sequence
from typing import Any

from mmengine.optim.scheduler.param_scheduler import _ParamScheduler

from kpplugins.engine.schedules.groups import by_group, require_floor_below
from kpplugins.engine.schedules.iterations import in_iterations_of, tell_long_warm_up
from kpplugins.engine.schedules.one_cycle import with_both_halves


def fitted(scheduler: Any, optimizer: Any, loop: Any, *, stretch: bool) -> Any:
    """Fit the schedulers of an optimizer to its parameter groups and to the length of training.

    Args:
        scheduler: config of a scheduler or a list of them; those that are built already are returned unchanged.
        optimizer: MMEngine's wrapper of the optimizer.
        loop: the training loop, built.
        stretch: lengths in iterations follow the length of training; otherwise a warm-up that is longer is only told.

    Returns:
        A list of configs, or ``scheduler`` itself if any of it is built.

    Raises:
        BadInputError: a scheduler would raise a rate of 0.
    """
    schedulers = list(scheduler) if isinstance(scheduler, Sequence) else [scheduler]
    if any(isinstance(s, _ParamScheduler) for s in schedulers) or not hasattr(loop, "max_iters"):
        return scheduler
    for each in schedulers:
        require_floor_below(each, optimizer)
    if stretch:
        schedulers = in_iterations_of(schedulers, loop.max_iters)
    else:
        tell_long_warm_up(schedulers, loop.max_iters)
    return [with_both_halves(by_group(s, optimizer), _steps(s, loop)) for s in schedulers]


def _steps(scheduler: dict[str, Any], loop: Any) -> int:
    """Return the number of steps in which a scheduler is done."""
    by_epoch = scheduler.get("by_epoch", True)
    length = len(loop.dataloader) if by_epoch and scheduler.get("convert_to_iter_based") else 1
    end = scheduler.get("end", loop.max_epochs if by_epoch else loop.max_iters)
    return int((scheduler.get("total_steps") or end - scheduler.get("begin", 0)) * length)
