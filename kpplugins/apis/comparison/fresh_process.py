"""Call a function in a process of its own."""

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from kpplugins.apis.comparison.recipe import Recipe


def in_fresh_process(work: Callable[..., Any], *args: Any) -> Any:
    """Call a function in a fresh process, so that no training affects another, even if it crashes.

    If the system can fork, it is forked from a process that has only imported what a recipe needs. It ends when this
    process does, however that ends.

    Args:
        work: the function, of a module.
        *args: its arguments, which are pickled.

    Returns:
        What it returns.
    """
    forks = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if forks else "spawn")
    if forks:
        context.set_forkserver_preload(["kpplugins.register", Recipe.__module__])
    with ProcessPoolExecutor(1, mp_context=context) as fresh:
        return fresh.submit(_not_alone, work, *args).result()


def _not_alone(work: Callable[..., Any], *args: Any) -> Any:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    return work(*args)


def _end_with_parent() -> None:
    """Wait for the process that asked; a training that nobody waits for would go on to write into its work dir."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
