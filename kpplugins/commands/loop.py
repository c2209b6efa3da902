"""Show where a project stands in the labelling loop, and what to do next."""

from collections.abc import Sequence
from pathlib import Path

from kpplugins.commands._command import CommandParser, run


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Show where a project stands; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    parser = CommandParser(
        prog=prog,
        description="Show where a project stands: labels, the last test, suspects, what to label next. Trains nothing.",
    )
    parser.add_argument("source", type=Path, metavar="DIR", help="a data set in any known format")
    parser.add_argument("pool", nargs="*", metavar="POOL", help="images, folders and videos to be labelled")
    parser.add_argument(
        "--run", type=Path, help="a work dir (default: the newest in work_dirs with the same keypoints)"
    )
    parser.add_argument(
        "--chosen", type=Path, default=Path("next"), metavar="DIR",
        help="what kpplugins dataset next wrote (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help="folder for loop.html (default: work_dirs/data_NAME)")
    args = parser.parse_args(argv)

    def work() -> int:
        from kpplugins.apis.labelling.loop import PAGE, loop

        source = args.source.resolve()
        out = args.out or Path("work_dirs") / f"data_{source.name if source.is_dir() else source.stem}"
        print(loop(args.source, args.pool, out=out, run=args.run, chosen=args.chosen).text)
        print(f"written: {out / PAGE}")
        return 0

    return run(work, args)
