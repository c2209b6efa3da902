"""The parser of all commands, and the options that several share. No heavy import here."""

import argparse
import ast
import sys
from typing import Any


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
