"""Run a command: errors as one line and an exit status. No heavy import here."""

import argparse
import errno
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable

_OF_MACHINE = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.EMFILE,
    errno.ENOMEM,
)
"""Errors of the file system that are no fault of the input."""


def run(work: Callable[[], int], args: argparse.Namespace | None = None) -> int:
    """Run a command; an error becomes one line on stderr, after its traceback if ``--debug`` was given.

    Args:
        work: does the command's work and returns its exit status.
        args: from a ``CommandParser``.

    Returns:
        The exit status: that of ``work``, 1 for input of which only a part could be used, 2 for bad input, 3 if the
        machine is at fault (a missing package, memory, disk, rights), 70 for a fault of the program, 130 after Ctrl-C.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that temporary folders are removed
    try:
        return work()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except Exception as error:
        if getattr(args, "debug", False):
            traceback.print_exc()
        message, status = _told(error)
        print(f"error: {message}", file=sys.stderr)
        return status


def _told(error: Exception) -> tuple[str, int]:
    """Return the line about an error, and the exit status."""
    # by name: importing it needs NumPy, which may be missing
    if "BadInputError" in (kind.__name__ for kind in type(error).__mro__):
        return str(error), int(getattr(error, "status", 2))
    if isinstance(error, OSError) and error.strerror is not None:  # from the file system
        status = 3 if error.errno in _OF_MACHINE else 2
        return f"{error.filename or 'file system'}: {error.strerror}", status
    missing = (getattr(error, "name", None) or "").partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and missing not in ("", "kpplugins"):
        from kpplugins.extras import cure

        todo = f"{cure(missing)}; `kpplugins doctor` says what else is missing"
        return f"the package {missing} is not installed; to do: {todo}", 3
    words = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {words}; to do: run it again with --debug, and report the traceback", 70


def is_first() -> bool:
    """Tell whether this process says what was done.

    Returns:
        Whether it is the first of those that a launcher started, or alone.
    """
    return os.environ.get("RANK", "0") == "0"
