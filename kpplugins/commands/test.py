"""Test a trained config."""

import json
from collections.abc import Sequence
from pathlib import Path

from kpplugins.commands._command import CommandParser, add_common, add_group_by, is_first, options, run


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Test a trained config; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    parser = CommandParser(prog=prog, description="Test a keypoint detector: AP, PCK, NME, images.")
    parser.add_argument(
        "config",
        nargs="?",
        help="config file, or a checkpoint, which contains its config; default: the newest run",
    )
    parser.add_argument("checkpoint", nargs="?", help="default: the best one in the config's work dir")
    parser.add_argument(
        "--submission", metavar="FILE", help="also write Kaggle's CSV, from test.csv and IdLookupTable.csv"
    )
    parser.add_argument(
        "--predictions",
        metavar="FILE",
        help="also write every test instance with truth, prediction and error, as JSON",
    )
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="learn first from the val split what the scores say about visibility and uncertainty, for a checkpoint "
        "that does not know",
    )
    add_group_by(parser)
    parser.add_argument(
        "--resamples", type=int, default=1000, metavar="N",
        help="of the test images, for the intervals (%(default)s); 0 for none",
    )  # fmt: skip
    add_common(parser)
    args = parser.parse_args(argv)

    def work() -> int:
        from kpplugins.apis.test import test

        files = {"submission": args.submission, "predictions": args.predictions}
        numbers, out, table = test(
            args.config, args.checkpoint, **files, calibrate=args.calibrate, group_by=args.group_by,
            resamples=args.resamples, **options(args),
        )  # fmt: skip
        if not is_first():
            return 0
        print(_lines(numbers, out), end="")
        print(table, end="")
        print(
            f"results: {out}: metrics.json"
            + (", per_keypoint.md, best_and_worst.jpg, errors.png, curves.png" if table else "")
            + (f"; {args.predictions}" if args.predictions else "")
        )
        return 0

    return run(work, args)


def _lines(numbers: dict[str, float], out: Path) -> str:
    """Format the numbers with their intervals, and how these were made."""
    from kpplugins.apis.statistics.interval_report import interval_lines

    report = json.loads((out / "metrics.json").read_text(encoding="utf-8")).get("intervals")
    if report is None:
        return interval_lines(numbers, {})
    images, groups = report["images"], report["groups"]
    what = f"{images} images" if groups == images else f"{groups} groups of {images} images"
    says = f"in brackets: {report['level']:.0%} intervals, from {report['resamples']} resamples of {what}\n"
    return interval_lines(numbers, report["numbers"]) + says
