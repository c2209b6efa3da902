"""Clocks to measure training time."""

import time
from collections.abc import Callable

import psutil


def processor_seconds() -> float:
    """Measure the CPU time of this process and its data workers, running and ended.

    Returns:
        Seconds of one processor core: two threads busy for a second count as two; other programs do not count.
    """
    own = psutil.Process()
    total = 0.0
    for process in (own, *own.children(recursive=True)):
        try:
            times = process.cpu_times()
        except (
            psutil.NoSuchProcess
        ):  # it ended between the two calls; from then on its parent's time includes it
            continue
        total += times.user + times.system + getattr(times, "children_user", 0.0)
        total += getattr(times, "children_system", 0.0)
    return total


CLOCKS: dict[str, Callable[[], float]] = {"wall": time.monotonic, "cpu": processor_seconds}
"""Functions that return seconds since a fixed moment, by name."""
