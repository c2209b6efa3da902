"""What more labels would bring."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from kpplugins.commands._command import CommandParser, add_group_by, run, values


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Measure a learning curve; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    parser = _parser(prog)
    args = parser.parse_args(argv)

    def work() -> int:
        from kpplugins.apis.learning_curve import NAME, learning_curve

        _, text = learning_curve(
            args.config, data=args.data, out=args.out, epochs=args.epochs, minutes=args.minutes or args.cpu_minutes,
            clock="wall" if args.cpu_minutes is None else "cpu", fractions=[float(Fraction(f)) for f in args.fractions],
            seeds=args.seeds, seed=args.seed, metric=args.metric, group_by=args.group_by,
            cfg_options=values(args.cfg_options), again=args.again, skip_bad=args.skip_bad,
            from_scratch=args.from_scratch,
        )  # fmt: skip
        print(text, end="")
        print(f"results: {args.out}: {NAME}.md, {NAME}.json, {NAME}.png")
        return 0

    return run(work, args)


def _parser(prog: str | None) -> CommandParser:
    """Return the parser of the command line."""
    parser = CommandParser(
        prog=prog,
        description="Train a config on nested parts of the data, and predict the error with twice the labels. Start it "
        "again to go on.",
    )
    parser.add_argument("config", help="config file, e.g. configs/custom_hourglass_small.py")
    parser.add_argument("--data", metavar="DIR", required=True, help="point every dataset at this folder")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help="passes over the whole training split; each part gets as many steps",
    )
    budget.add_argument("--minutes", type=float, metavar="M", help="wall time of training for each part")
    budget.add_argument(
        "--cpu-minutes", type=float, metavar="M", help="minutes of one processor core for each part"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for learning_curve.md, .json and .png, and each run",
    )
    parser.add_argument(
        "--fractions", type=Fraction, nargs="+", default=["1/8", "1/4", "1/2", "1"], metavar="F",
        help="parts of the training split (1/8 1/4 1/2 1)",
    )  # fmt: skip
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="trainings on each part (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="the first of them (%(default)s)")
    parser.add_argument(
        "--metric",
        default="EPE",
        help="number of the test that is followed; of AP, AR and PCK 1 less it (%(default)s)",
    )
    add_group_by(parser, "training images are kept together")
    parser.add_argument("--again", action="store_true", help="train finished parts again")
    parser.add_argument(
        "--cfg-options", nargs="+", default=[], metavar="KEY=VALUE", help="override values of the config"
    )
    parser.add_argument("--skip-bad", action="store_true", help="skip bad files and say how many and why")
    parser.add_argument(
        "--from-scratch", action="store_true", help="leave out the pretrained weights that the config names"
    )
    return parser
