"""Fetch a trained model from the Hugging Face hub."""

from collections.abc import Sequence

from kpplugins.commands._command import CommandParser, run


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Pull a model; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    parser = CommandParser(
        prog=prog, description="Fetch a model that kpplugins push has put on the Hugging Face hub."
    )
    parser.add_argument("repo", help="user/repo")
    parser.add_argument("out", metavar="DIR", help="folder to write")
    parser.add_argument("--revision", help="branch, tag or commit (default: main)")
    parser.add_argument("--overwrite", action="store_true", help="DIR may hold a model already")
    args = parser.parse_args(argv)

    def work() -> int:
        from kpplugins.apis.hub import pull

        file = pull(args.repo, args.out, revision=args.revision, overwrite=args.overwrite)
        print(
            f"written: {file}\nnext: kpplugins demo IMAGES --checkpoint {file}, or kpplugins test {file} --data DIR"
        )
        return 0

    return run(work, args)
