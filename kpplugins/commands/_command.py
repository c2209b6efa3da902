"""What the commands share: common options, and errors as one line. No heavy import here."""

import argparse
import ast
import errno
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

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


class CommandParser(argparse.ArgumentParser):
    """A parser whose commands all have ``--debug``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.add_argument(
            "--debug", action="store_true", default=argparse.SUPPRESS, help="show the traceback of an error"
        )


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that train and test share, named as in OpenMMLab.

    Args:
        parser: gets the options.
    """
    parser.add_argument("--work-dir", help="folder of the run (default: work_dirs/NAME)")
    parser.add_argument("--data", metavar="DIR", help="point every dataset of the config at this folder")
    parser.add_argument(
        "--cfg-options", nargs="+", default=[], metavar="KEY=VALUE", help="override values of the config"
    )
    add_pixels(parser)
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none")
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--skip-bad", action="store_true", help="skip bad files and say how many and why")
    parser.add_argument(
        "--trust-checkpoint", action="store_true", help="let the checkpoint run code while it loads"
    )


def add_pixels(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how images of more than 8 bits become 8 bits.

    Args:
        parser: gets the options.
    """
    for name, what in (
        ("--percentile", "each image's percentiles that become black and white, e.g. 1 99"),
        ("--pixel-range", "values that become black and white in every image, e.g. 0 4095 for 12 bits"),
    ):
        parser.add_argument(
            name, nargs=2, type=float, metavar=("LOW", "HIGH"), help=f"for images of more than 8 bits: {what}"
        )


def add_group_by(parser: argparse.ArgumentParser, why: str = "test images are drawn together") -> None:
    """Add the option that says which images belong together.

    Args:
        parser: gets the option.
        why: what happens to them.
    """
    parser.add_argument(
        "--group-by",
        metavar="PATTERN",
        help=f"{why} if they share the first group (else the whole match) of this regular expression on their paths, "
        "such as frames of a video; or key:NAME, of the annotation file's images",
    )


def pixel_options(args: argparse.Namespace) -> dict[str, Any] | None:
    """Return the rule for pixels that ``add_pixels`` read.

    Args:
        args: from the parser.

    Returns:
        The value of a config's ``pixels``; ``None`` if neither option was given.
    """
    given = {"percentile": args.percentile, "range": args.pixel_range}
    return {name: tuple(ends) for name, ends in given.items() if ends is not None} or None


def add_minutes(parser: argparse.ArgumentParser) -> None:
    """Add the two ways to say how long a training may take.

    Args:
        parser: gets the options.
    """
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, metavar="M", help="wall time of training (20)")
    budget.add_argument(
        "--cpu-minutes", type=float, metavar="M", help="the same in minutes of one processor core"
    )


def minutes_of(args: argparse.Namespace) -> tuple[float, str]:
    """Return the time that ``add_minutes`` read.

    Args:
        args: from the parser.

    Returns:
        The minutes, and the clock: ``wall`` or ``cpu``.
    """
    if args.cpu_minutes is not None:
        return args.cpu_minutes, "cpu"
    return (_MINUTES if args.minutes is None else args.minutes), "wall"


_MINUTES = 20.0
"""Of a training, if nobody says how long it may take."""


def options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the common options as keyword arguments.

    Args:
        args: what a parser with ``add_common`` read.

    Returns:
        The arguments that the train and test functions of ``apis`` share.
    """
    pixels = pixel_options(args)
    changed = values(args.cfg_options) | ({} if pixels is None else {"pixels": pixels})
    return {
        "work_dir": args.work_dir, "data": args.data, "cfg_options": changed,
        "launcher": args.launcher, "skip_bad": args.skip_bad, "trust_checkpoint": args.trust_checkpoint,
    }  # fmt: skip


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


def values(pairs: list[str]) -> dict[str, Any]:
    """Read KEY=VALUE pairs; one without ``=`` ends the process with a message.

    Args:
        pairs: the arguments of ``--cfg-options``.

    Returns:
        Values by key: a Python literal if it can be read as one, else a string.
    """
    result: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            sys.exit(f"error: --cfg-options {pair}: expected KEY=VALUE")
        try:
            result[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            result[key] = text
    return result
