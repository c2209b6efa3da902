"""Lengths that schedulers state in iterations, stretched to the length of training.

A warm-up of 500 iterations is 1 % of a training on COCO, and more than the whole of a short training on 100 images.
"""

import logging
from collections.abc import Sequence
from typing import Any

from kpplugins.config.lengths import is_warm_up, last_step_of, stretched
from kpplugins.config.values import name_of

logger = logging.getLogger(__name__)
_WARM_UP = 10
"""A warm-up takes at most one in so many iterations."""
_SHORTEST = 2
"""Iterations of the shortest warm-up: at its last step it gives the rate back."""


def in_iterations_of(schedulers: Sequence[dict[str, Any]], iterations: int) -> list[dict[str, Any]]:
    """Stretch what is stated in iterations to a training of another length.

    A schedule that is longer than the training is shortened to it, a ``OneCycleLR`` also lengthened; after that, a
    warm-up takes at most a tenth of the training, and what begins at its end moves along. All of it is logged.

    Args:
        schedulers: the configs of all schedulers of an optimizer.
        iterations: of the training.

    Returns:
        The configs; those that count epochs are unchanged.
    """
    counted = [s for s in schedulers if not s.get("by_epoch", True)]
    main = [s for s in counted if not is_warm_up(s) and last_step_of(s)]
    planned = max(map(last_step_of, main), default=0)
    cycle = any(name_of(s.get("type")) == "OneCycleLR" for s in main)
    if planned > iterations or (cycle and 0 < planned < iterations):
        factor = iterations / planned
        logger.info("schedule of %d iterations: stretched to the %d of this training", planned, iterations)
        schedulers = [{**s, **stretched(s, factor)} if s in counted else s for s in schedulers]
    return _shorter_warm_ups(list(schedulers), iterations)


def tell_long_warm_up(schedulers: Sequence[dict[str, Any]], iterations: int) -> None:
    """Warn about a warm-up that is longer than the training.

    Args:
        schedulers: the configs of all schedulers of an optimizer.
        iterations: of the training.
    """
    for scheduler in schedulers:
        if not scheduler.get("by_epoch", True) and is_warm_up(scheduler):
            end = scheduler.get("end")
            if end is not None and end > iterations:
                logger.warning(
                    "the warm-up of %d iterations is longer than the training of %d, which never has its full rate",
                    end, iterations,
                )  # fmt: skip


def _shorter_warm_ups(schedulers: list[dict[str, Any]], iterations: int) -> list[dict[str, Any]]:
    longest = max(iterations // _WARM_UP, _SHORTEST)
    for warm_up in [s for s in schedulers if not s.get("by_epoch", True) and is_warm_up(s)]:
        end = warm_up.get("end")
        if end is None or end <= longest:
            continue
        logger.info("warm-up: %d iterations, %d before: a tenth of this training", longest, end)
        schedulers = [
            {**s, "end": longest} if s is warm_up else _begun_at(s, end, longest) for s in schedulers
        ]
    return schedulers


def _begun_at(scheduler: dict[str, Any], before: int, now: int) -> dict[str, Any]:
    """Return a scheduler that began where a warm-up ended, so that it still does."""
    if scheduler.get("by_epoch", True) or scheduler.get("begin") != before:
        return scheduler
    moved = {"begin": now}
    if scheduler.get("T_max") is not None and scheduler.get("end") == before + scheduler["T_max"]:
        moved["T_max"] = scheduler["end"] - now
    return {**scheduler, **moved}
