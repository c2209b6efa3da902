"""The command line: ``kpplugins COMMAND …``, of which ``tools/NAME.py`` are the same code.

One file a command: parse, call one function of ``apis`` or ``curation``, print. Each has
``main(argv=None, prog=None) -> int``: ``argv`` are the words behind the command's name (default: those of the
process), ``prog`` is what its ``--help`` calls it (default: the name of the script), and the result is the exit status:
0; 1 where the command found something wrong; 2 for bad input, with one line on stderr; 130 and 143 when it was stopped.

Nothing heavy is imported before a command is parsed, so that ``--help`` is there at once.

Adding a new command: a file here, a line in ``COMMANDS``, and a script in ``tools/``.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from kpplugins.version import __version__

COMMANDS = {
    "train": "train a config, or several",
    "test": "test a trained config: AP, PCK, NME, images",
    "demo": "show what a trained model finds in images, videos or the webcam",
    "dataset": "make, convert, check, split, export and crop data sets",
    "compare": "train several configs on one data set with one budget, into one table",
    "export": "write a trained run as one ONNX file",
    "convert-weights": "write weights that others trained as a checkpoint of ours",
    "doctor": "say what is installed, what is wrong, and the cure",
}
"""What ``kpplugins`` knows; the module of a command has its name, with ``_``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``kpplugins``.

    Args:
        argv: the words behind the program's name. Default: those of the process.

    Returns:
        The exit status of the command.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="kpplugins",
        description="From images with keypoints on them to a trained, measured, deployed keypoint detector.",
        epilog="kpplugins COMMAND --help says more.",
    )
    parser.add_argument("--version", action="version", version=f"kpplugins {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, what in COMMANDS.items():
        commands.add_parser(name, help=what, add_help=False)
    command = parser.parse_args(words[:1]).command
    module = import_module(f"{__name__}.{command.replace('-', '_')}")
    return module.main(words[1:], prog=f"kpplugins {command}")
