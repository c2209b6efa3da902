"""Measure the speed of prediction, training, data and evaluation on this machine, each against a reference."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kpplugins.commands._command import CommandParser, run, values


def _parser(prog: str | None) -> argparse.ArgumentParser:
    parser = CommandParser(
        prog=prog,
        description="Measure speed on this machine, against a reference in the same run.",
        epilog="One core: OMP_NUM_THREADS=1 OPENCV_FOR_THREADS_NUM=1 in the environment.",
    )
    kinds = parser.add_subparsers(dest="kind", metavar="WHAT", required=True, parser_class=CommandParser)
    predict = kinds.add_parser("predict", help="latency by stages and throughput, against the bare network")
    predict.add_argument(
        "source", nargs="?", metavar="MODEL",
        help="a config, a checkpoint, the work dir of a run, or an exported folder; default: the newest run",
    )  # fmt: skip
    predict.add_argument("--checkpoint", help="default: the best one of the config's work dir")
    predict.add_argument("--images", nargs="+", default=[], metavar="INPUT", help="default: drawn cats")
    predict.add_argument(
        "--boxes", type=int, default=16, metavar="N", help="in each image, top-down (%(default)s)"
    )
    predict.add_argument("--rounds", type=int, default=20, metavar="N", help="counted rounds (%(default)s)")
    predict.add_argument("--device", help="cpu, cuda:0, …; default: a GPU if there is one")
    predict.add_argument(
        "--flip-test", action=argparse.BooleanOptionalAction, help="default: as the config says"
    )
    predict.add_argument("--trust-checkpoint", action="store_true", help="let the checkpoint run code")
    train = kinds.add_parser("train", help="images a second of the Runner, against a bare loop")
    train.add_argument("--epochs", type=int, default=6, metavar="N", help="of each round (%(default)s)")
    train.add_argument("--rounds", type=int, default=3, metavar="N", help="(%(default)s)")
    data = kinds.add_parser(
        "data", help="samples and crops a second by number of workers, against the bare dataset"
    )
    data.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2], metavar="N", help="(0 1 2)")
    data.add_argument("--seconds", type=float, default=5.0, metavar="S", help="for each number (%(default)s)")
    for one in (train, data):
        one.add_argument("config", help="e.g. configs/cat_hourglass.py")
        one.add_argument("--data", metavar="DIR", help="point every dataset of the config at this folder")
        one.add_argument(
            "--cfg-options", nargs="+", default=[], metavar="KEY=VALUE", help="override values of the config"
        )
    evaluate = kinds.add_parser("eval", help="the AP of boxes and keypoints, against pycocotools")
    evaluate.add_argument("--num", type=int, default=5000, metavar="N", help="drawn-up images (%(default)s)")
    for one in (predict, train, data, evaluate):
        one.add_argument("--out", type=Path, metavar="DIR", help="folder for benchmark_WHAT.md and .json")
    return parser


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Measure speed; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    args = _parser(prog).parse_args(argv)

    def work() -> int:
        report = _measured(args)
        print(report.to_markdown(), end="")
        if args.out is not None:
            page, data = report.save(args.out)
            print(f"results: {page}, {data.name}")
        return 0

    return run(work, args)


def _measured(args: argparse.Namespace) -> Any:
    if args.kind == "predict":
        from kpplugins.apis.benchmarking.predict_speed import predict_speed
        from kpplugins.inference.bulk.image_names import ImageNames
        from kpplugins.inference.bulk.model_choice import ModelChoice

        files = [Path(name) for name in ImageNames(args.images)] if args.images else []
        model = ModelChoice(
            args.source, args.checkpoint, args.device,
            flip_test=args.flip_test, trust_checkpoint=args.trust_checkpoint,
        )  # fmt: skip
        return predict_speed(model.settled().open(), files, args.boxes, args.rounds)
    if args.kind == "eval":
        from kpplugins.apis.benchmarking.eval_speed import eval_speed

        return eval_speed(args.num)
    changed = values(args.cfg_options)
    if args.kind == "train":
        from kpplugins.apis.benchmarking.train_speed import train_speed

        return train_speed(args.config, args.data, args.epochs, args.rounds, changed)
    from kpplugins.apis.benchmarking.data_speed import data_speed

    return data_speed(args.config, args.data, args.workers, args.seconds, changed)
