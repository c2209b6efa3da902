"""What the commands share: common options, and errors as one line. No heavy import here."""

import argparse
import ast
import logging
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any


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


def pixel_options(args: argparse.Namespace) -> dict[str, Any] | None:
    """Return the rule for pixels that ``add_pixels`` read.

    Args:
        args: from the parser.

    Returns:
        The value of a config's ``pixels``; ``None`` if neither option was given.
    """
    given = {"percentile": args.percentile, "range": args.pixel_range}
    return {name: tuple(ends) for name, ends in given.items() if ends is not None} or None


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


def run(work: Callable[[], int]) -> int:
    """Run a command; bad input becomes one line on stderr.

    Args:
        work: does the command's work and returns its exit status.

    Returns:
        The exit status: that of ``work``, 1 for input of which only a part could be used, 2 for bad input or a missing
        package, 130 when it was stopped.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that temporary folders are removed
    try:
        return work()
    except ValueError as error:
        # by name: importing it needs NumPy, which may be missing
        if "BadInputError" not in (kind.__name__ for kind in type(error).__mro__):
            raise
        print(f"error: {error}", file=sys.stderr)
        return int(getattr(error, "status", 2))
    except OSError as error:
        if error.strerror is None:  # not from the file system
            raise
        print(f"error: {error.filename or 'file system'}: {error.strerror}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "kpplugins"):  # ours: a fault of the program
            raise
        todo = "`kpplugins doctor` says what is missing and how to install it"
        print(f"error: the package {missing} is not installed; to do: {todo}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


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
