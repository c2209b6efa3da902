"""Convert weights that others trained to our names."""

from collections.abc import Sequence

from kpplugins.commands._command import CommandParser, run


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Convert weights; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    parser = CommandParser(
        prog=prog, description="Convert weights that others trained to a checkpoint of our model."
    )
    parser.add_argument(
        "kind",
        choices=["centernet", "torchvision", "safetensors"],
        help="whose: the CenterNet authors' multi_pose_hg_1x.pth or multi_pose_hg_3x.pth; or torchvision's "
        "keypointrcnn_resnet50_fpn_coco-fc266e95.pth; or any checkpoint, to a .safetensors, which can run no code",
    )
    parser.add_argument("source", metavar="SRC", help="the file of weights")
    parser.add_argument("out", metavar="DST", help="the checkpoint to write")
    parser.add_argument(
        "--config", help="for this config's model: last layers for other keypoints or classes are left out"
    )
    parser.add_argument("--data", metavar="DIR", help="point every dataset of the config at this folder")
    parser.add_argument("--overwrite", action="store_true", help="DST may exist")
    parser.add_argument("--trust-checkpoint", action="store_true", help="let SRC run code while it loads")
    args = parser.parse_args(argv)
    if args.data and not args.config:
        parser.error("--data needs --config")
    if args.config and args.kind == "safetensors":
        parser.error("--config has no effect on safetensors: the checkpoint is written as it is")

    def work() -> int:
        from kpplugins.apis.convert_weights import convert_weights

        done = convert_weights(
            args.kind, args.source, args.out, config=args.config, data=args.data, overwrite=args.overwrite,
            trust_checkpoint=args.trust_checkpoint,
        )  # fmt: skip
        print(f"written: {done.path}: {done.tensors} tensors, {done.parameters / 1e6:.1f} million numbers")
        for words in done.left_out:
            print(f"starts from scratch: {words}")
        if args.kind == "safetensors":
            print(f"next: kpplugins test {done.path}")
            return 0
        start = "load_from" if args.kind == "centernet" else "model.weights"  # which sets the norm too
        tested = "" if done.left_out else f"; kpplugins test CONFIG {done.path}"
        print(f"next: kpplugins train CONFIG --cfg-options {start}={done.path}{tested}")
        return 0

    return run(work, args)
