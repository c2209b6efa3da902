"""Vary settings of a config on your data."""

from collections.abc import Sequence
from pathlib import Path

from kpplugins.commands._command import CommandParser, run, values


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Sweep; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    parser = CommandParser(
        prog=prog,
        description="Train variants of a config with one budget, and keep the best. Start it again to go on.",
    )
    parser.add_argument("config", help="config file, e.g. configs/custom_hourglass_small.py")
    parser.add_argument("--data", metavar="DIR", required=True, help="point every dataset at this folder")
    parser.add_argument(
        "--space", nargs="+", required=True, metavar="NAME=RANGE",
        help="lr=log:1e-4:1e-2 box_padding=lin:1:1.5 num_stacks=int:1:2 'input_size=one:(128,128)|(192,192)'",
    )  # fmt: skip
    parser.add_argument("--trials", type=int, default=20, metavar="N", help="how many variants (%(default)s)")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument(
        "--epochs", type=int, metavar="N", help="passes over the training data for each variant"
    )
    budget.add_argument("--minutes", type=float, metavar="M", help="wall time of training for each variant")
    budget.add_argument(
        "--cpu-minutes", type=float, metavar="M", help="minutes of one processor core for each variant"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for the table, best.py and each variant",
    )
    parser.add_argument("--metric", help="of the validation, that decides (default: the config's save_best)")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the suggestions and the trainings (%(default)s)"
    )
    parser.add_argument(
        "--cfg-options", nargs="+", default=[], metavar="KEY=VALUE", help="override values of every variant"
    )
    parser.add_argument("--skip-bad", action="store_true", help="skip bad files and say how many and why")
    parser.add_argument(
        "--from-scratch", action="store_true", help="leave out the pretrained weights that the config names"
    )
    args = parser.parse_args(argv)

    def work() -> int:
        from kpplugins.apis.sweep import BEST, sweep

        rows, table = sweep(
            args.config, args.space, data=args.data, out=args.out, trials=args.trials, epochs=args.epochs,
            minutes=args.minutes if args.cpu_minutes is None else args.cpu_minutes,
            clock="wall" if args.cpu_minutes is None else "cpu", metric=args.metric, seed=args.seed,
            cfg_options=values(args.cfg_options), skip_bad=args.skip_bad, from_scratch=args.from_scratch,
        )  # fmt: skip
        print(table, end="")
        if all(row["value"] is None for row in rows):
            return 1
        scratch = " --from-scratch" if args.from_scratch else ""
        print(f"best: {args.out / BEST}\nnext: kpplugins train {args.out / BEST}{scratch}")
        return 0

    return run(work, args)
