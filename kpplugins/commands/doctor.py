"""Report what is installed and what is wrong."""

from collections.abc import Sequence

from kpplugins.commands._command import CommandParser, run


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Examine the installation; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    args = CommandParser(
        prog=prog, description="Report versions, device and stand-ins, and faults with their cures."
    ).parse_args(argv)

    def work() -> int:
        from kpplugins.apis.doctor import diagnose

        faults = 0
        for finding in diagnose():
            print(f"{'FAULT' if finding.cure else 'ok':6}{finding.name:22} {finding.state}")
            if finding.cure:
                faults += 1
                print(f"{'':28} cure: {finding.cure}")
        print(f"{faults} faults" if faults else "all is well")
        return 1 if faults else 0

    return run(work, args)
