"""Put a trained model on the Hugging Face hub."""

from collections.abc import Sequence

from kpplugins.commands._command import CommandParser, run


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Push a run; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    parser = CommandParser(
        prog=prog, description="Put a trained model, with its schema and a card, on the Hugging Face hub."
    )
    parser.add_argument("run", help="a work dir, of which the best checkpoint is taken, or a checkpoint")
    parser.add_argument("repo", help="user/repo; a new one is private")
    parser.add_argument("--public", action="store_true", help="everybody may see a new repository")
    parser.add_argument(
        "--trust-checkpoint", action="store_true", help="let the checkpoint run code while it loads"
    )
    args = parser.parse_args(argv)

    def work() -> int:
        from kpplugins.apis.hub import push

        where = push(args.run, args.repo, public=args.public, trust_checkpoint=args.trust_checkpoint)
        print(f"pushed: {where}\nnext: kpplugins pull {args.repo} DIR")
        return 0

    return run(work, args)
