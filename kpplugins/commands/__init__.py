"""The command line: ``kpplugins COMMAND …``; the scripts ``tools/NAME.py`` run the same code.

One file per command: parse, call one function of ``apis`` or ``curation``, print. Each has
``main(argv=None, prog=None) -> int``: ``argv`` are the arguments after the command's name (default: those of the
process), ``prog`` is its name in ``--help`` (default: the name of the script), and the result is the exit status:
0; 1 if the command found something wrong; with one line on stderr, 2 for bad input, 3 if the machine is at fault (a
missing package, memory, disk, rights) and 70 for a fault of the program; 130 and 143 when it was stopped. Tracebacks
are shown with ``--debug``.

Nothing heavy is imported before a command is parsed, so that ``--help`` is fast.

Adding a new command: a file here, a line in ``COMMANDS``, and a script in ``tools/``.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from kpplugins.version import __version__

COMMANDS = {
    "recommend": "choose a recipe and its settings from the data and the machine",
    "train": "train a config, or several",
    "test": "test a trained config: AP, PCK, NME, images",
    "demo": "show what a trained model finds in images, videos or the webcam",
    "predict": "predict on any number of images, into JSON lines; resumable, in shards, on Ray",
    "serve": "serve a model to an annotation tool, which shows what it finds for correction",
    "dataset": "make, convert, check, split, export and crop data sets",
    "loop": "show where a project stands in the labelling loop, and what to do next",
    "compare": "train several configs on one data set with one budget and tabulate the results",
    "learning-curve": "train on parts of the data, and predict what twice the labels would bring",
    "sweep": "vary settings of a config, train each variant with one budget and keep the best",
    "export": "export a trained run as one ONNX file",
    "convert-weights": "convert weights that others trained to a checkpoint of our model",
    "push": "put a trained model on the Hugging Face hub",
    "pull": "fetch a trained model from the Hugging Face hub",
    "benchmark": "measure the speed of prediction, training, data and evaluation",
    "doctor": "report what is installed, what is wrong and how to fix it",
}
"""The commands of ``kpplugins``; each one's module has its name, with ``_``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``kpplugins``.

    Args:
        argv: the arguments after the program's name. Default: those of the process.

    Returns:
        The exit status of the command.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="kpplugins",
        description="From images with keypoints on them to a trained, measured, deployed keypoint detector.",
        epilog="For more, run kpplugins COMMAND --help.",
    )
    parser.add_argument("--version", action="version", version=f"kpplugins {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, what in COMMANDS.items():
        commands.add_parser(name, help=what, add_help=False)
    command = parser.parse_args(words[:1]).command
    module = import_module(f"{__name__}.{command.replace('-', '_')}")
    return module.main(words[1:], prog=f"kpplugins {command}")
