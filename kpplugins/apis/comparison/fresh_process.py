"""Work in a fresh process."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from kpplugins.apis.comparison.recipe import Recipe


def in_fresh_process(work: Callable[..., Any], *args: Any) -> Any:
    """Call a function in a fresh process, so that no recipe affects another, even if it crashes.

    If the system can fork, it is forked from a process that has only imported what a recipe needs.

    Args:
        work: the function, which can be pickled.
        *args: its arguments.

    Returns:
        What it returns.
    """
    forks = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if forks else "spawn")
    if forks:
        context.set_forkserver_preload(["kpplugins.register", Recipe.__module__])
    with ProcessPoolExecutor(1, mp_context=context) as fresh:
        return fresh.submit(work, *args).result()
