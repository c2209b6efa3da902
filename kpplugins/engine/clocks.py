"""Clocks that a training can be measured by."""

import time
from collections.abc import Callable
from typing import TypeVar

import psutil

_T = TypeVar("_T")


def processor_seconds() -> float:
    """Seconds of one processor core that this process and its data workers, living and ended, have used.

    Two threads that work for a second are two; another program on the same machine changes nothing.
    """
    own = psutil.Process()
    total = 0.0
    for process in (own, *own.children(recursive=True)):
        try:
            times = process.cpu_times()
        except (
            psutil.NoSuchProcess
        ):  # it ended between the two calls, and counts with its parent's from then on
            continue
        total += times.user + times.system + getattr(times, "children_user", 0.0)
        total += getattr(times, "children_system", 0.0)
    return total


CLOCKS: dict[str, Callable[[], float]] = {"wall": time.monotonic, "cpu": processor_seconds}
"""Seconds since some fixed moment, by name."""


def timed(work: Callable[[], _T], clock: Callable[[], float] = time.perf_counter) -> tuple[_T, float]:
    """What the work gives, and the seconds by the clock that it took."""
    start = clock()
    value = work()
    return value, clock() - start
