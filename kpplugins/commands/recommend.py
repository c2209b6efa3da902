"""Recommend a recipe for your data."""

import json
from collections.abc import Sequence
from pathlib import Path

from kpplugins.commands._command import CommandParser, add_minutes, minutes_of, run


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Recommend a recipe; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    parser = CommandParser(
        prog=prog,
        description="Choose one recipe with its settings from the data and the machine, say why, and write the config.",
    )
    parser.add_argument("data", metavar="DIR", help="the data, as `kpplugins dataset convert` writes them")
    add_minutes(parser)
    parser.add_argument(
        "--boxes", action="store_true", help="boxes will be given when predicting, by you or by a detector"
    )
    parser.add_argument(
        "--fps", type=float, metavar="F", help="images a second that prediction on this machine must reach"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("recommended.py"),
        metavar="FILE",
        help="config to write (%(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--skip-bad", action="store_true", help="skip bad files and say how many and why")
    args = parser.parse_args(argv)

    def work() -> int:
        from kpplugins.apis.recommend import recommend

        minutes, clock = minutes_of(args)
        found = recommend(
            args.data, minutes=minutes, clock=clock, boxes=args.boxes, fps=args.fps, out=args.out,
            skip_bad=args.skip_bad,
        )  # fmt: skip
        if args.json:
            print(json.dumps(found.to_json(), indent=1, ensure_ascii=False))
        else:
            print(f"{found.text}\nwritten: {args.out}\nnext: kpplugins train {args.out}")
        return 0

    return run(work, args)
