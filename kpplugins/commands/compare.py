"""Compare recipes on your data."""

from collections.abc import Sequence
from pathlib import Path

from kpplugins.commands._command import CommandParser, add_group_by, run, values


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Compare recipes; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    parser = CommandParser(
        prog=prog,
        description="Train several configs on one dataset with one budget and seed, test each, and write one table.",
    )
    parser.add_argument("config", nargs="+", help="config files, e.g. configs/cat_hourglass.py")
    parser.add_argument("--data", metavar="DIR", required=True, help="point every dataset at this folder")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--epochs", type=int, metavar="N", help="passes over the training data for each")
    budget.add_argument("--minutes", type=float, metavar="M", help="wall time of training for each")
    budget.add_argument(
        "--cpu-minutes", type=float, metavar="M", help="minutes of one processor core for each"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for compare.md, .json and .png, and for each recipe",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of weights, order and augmentation (%(default)s)"
    )
    parser.add_argument(
        "--names", nargs="+", metavar="NAME", help="names of the recipes (default: those of the files)"
    )
    parser.add_argument("--again", action="store_true", help="train finished recipes again")
    parser.add_argument(
        "--cfg-options", nargs="+", default=[], metavar="KEY=VALUE", help="override values of every config"
    )
    parser.add_argument("--skip-bad", action="store_true", help="skip bad files and say how many and why")
    parser.add_argument(
        "--from-scratch", action="store_true", help="leave out the pretrained weights that the configs name"
    )
    parser.add_argument(
        "--detector",
        metavar="CONFIG",
        help="train this detector too, and test top-down recipes in its boxes as well",
    )
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N",
        help="train each with so many seeds, and tell the noise of training from that of the test (%(default)s)",
    )  # fmt: skip
    add_group_by(parser)
    args = parser.parse_args(argv)

    def work() -> int:
        from kpplugins.apis.compare import compare

        rows, table = compare(
            args.config, data=args.data, out=args.out, epochs=args.epochs, minutes=args.minutes or args.cpu_minutes,
            clock="wall" if args.cpu_minutes is None else "cpu", seed=args.seed, names=args.names,
            cfg_options=values(args.cfg_options), again=args.again, skip_bad=args.skip_bad,
            from_scratch=args.from_scratch, detector=args.detector, seeds=args.seeds, group_by=args.group_by,
        )  # fmt: skip
        print(table, end="")
        print(f"results: {args.out}: compare.md, compare.json, compare.png")
        return 1 if all("error" in row for row in rows) else 0

    return run(work, args)
