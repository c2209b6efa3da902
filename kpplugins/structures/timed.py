"""Measure how long something takes."""

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def timed(work: Callable[[], _T], clock: Callable[[], float] = time.perf_counter) -> tuple[_T, float]:
    """Run a function and measure its time.

    Args:
        work: the function.
        clock: returns seconds.

    Returns:
        The result of ``work``, and the seconds that it took.
    """
    start = clock()
    value = work()
    return value, clock() - start
