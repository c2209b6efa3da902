"""Predict on any number of images, into a file of JSON lines that can be resumed."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from kpplugins.commands._command import CommandParser, run

HELP = "Many machines: --shard on each and --merge at the end, or --ray. docs/predict.md has examples."


def _parser(prog: str | None) -> argparse.ArgumentParser:
    parser = CommandParser(
        prog=prog, epilog=HELP,
        description="Predict on any number of images and write one JSON line each. Run it again to go on.",
    )  # fmt: skip
    parser.add_argument(
        "inputs", nargs="*", metavar="INPUT", help="images, folders, patterns, addresses (s3://, http://, …)"
    )
    parser.add_argument(
        "--out", required=True, metavar="FILE.jsonl", help="file of results; continued if it is there"
    )
    parser.add_argument(
        "--list", action="append", default=[], metavar="FILE", dest="lists",
        help="text file of names, one a line or separated by NUL; - is the standard input",
    )  # fmt: skip
    parser.add_argument(
        "--config", metavar="MODEL", dest="source",
        help="a config, a checkpoint, the work dir of a run, or an exported folder; default: the newest run",
    )  # fmt: skip
    parser.add_argument("--checkpoint", help="default: the best one of the config's work dir")
    parser.add_argument("--detector", metavar="CONFIG", help="predict in the boxes that this detector finds")
    parser.add_argument(
        "--detector-checkpoint", metavar="FILE", help="default: the best one of the detector's work dir"
    )
    parser.add_argument(
        "--detector-classes", nargs="+", default=[], metavar="NAME", help="only its boxes of these classes"
    )
    parser.add_argument(
        "--box-thr", type=float, default=0.3, metavar="SCORE",
        help="boxes of a detector or a one-stage model with a lower score are left out (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--flip-test", action=argparse.BooleanOptionalAction,
        help="average with the mirrored image, which takes twice as long; default: as the config says",
    )  # fmt: skip
    parser.add_argument("--device", help="cpu, cuda:0, …; default: a GPU if there is one")
    parser.add_argument(
        "--batch-size",
        type=int,
        default=16,
        metavar="N",
        help="images that are written together (%(default)s)",
    )
    parser.add_argument(
        "--shard", metavar="I/N", help="do part I of N, into FILE.I-of-N.jsonl (torchrun: by itself)"
    )
    parser.add_argument("--merge", nargs="+", metavar="FILE", help="write the files of all shards into --out")
    parser.add_argument(
        "--ray",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="on a Ray cluster; without ADDRESS on this machine",
    )
    parser.add_argument("--workers", type=int, metavar="N", help="of Ray (default: one a GPU or CPU)")
    parser.add_argument(
        "--trust-checkpoint", action="store_true", help="let the checkpoint run code while it loads"
    )
    return parser


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Predict on images; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    command = _parser(prog)
    args = command.parse_args(argv)
    if args.merge and (args.inputs or args.lists):
        command.error("--merge takes the files of the shards, and no INPUT")
    if not args.merge and not args.inputs and not args.lists:
        command.error("give images, folders or patterns, or --list FILE")
    if args.workers is not None and (args.ray is None or args.workers < 1):
        command.error("--workers is a number of workers for --ray")
    if args.detector_classes and args.detector is None and args.detector_checkpoint is None:
        command.error("--detector-classes needs --detector")

    def work() -> int:
        if args.merge:
            from kpplugins.inference.bulk.merging import merge_shards

            counts = merge_shards(args.merge, args.out)
            print(f"{counts['images']} images, {counts['bad']} bad; results: {args.out}")
            return 0
        from kpplugins.apis.predict import predict
        from kpplugins.inference.bulk.model_choice import ModelChoice

        model = ModelChoice(
            args.source, args.checkpoint, args.device, args.detector, args.detector_checkpoint,
            tuple(args.detector_classes), args.box_thr, args.flip_test, args.trust_checkpoint,
        )  # fmt: skip
        summary = predict(
            args.inputs, args.out, model, lists=args.lists, shard=args.shard, batch_size=args.batch_size,
            ray=args.ray, workers=args.workers,
        )  # fmt: skip
        return _told(summary)

    return run(work, args)


def _told(summary: Any) -> int:
    """Print what was done, and return the exit status."""
    if summary.passed_over:
        kinds = ", ".join(f"{n} {ending}" for ending, n in sorted(summary.passed_over.items()))
        print(f"files that are not images: {kinds}")
    if summary.twice:
        print(f"{summary.twice} names were given more than once, and done once")
    before = f", {summary.before} were done before" if summary.before else ""
    print(f"{summary.written} images predicted{before}; results: {summary.out}")
    if not summary.bad:
        return 0
    print(f"error: {summary.bad} could not be predicted: {summary.bad_file} says why; to do: run it again to try them "
          "again", file=sys.stderr)  # fmt: skip
    return 1 if summary.written or summary.before else 2
