"""Export a trained run."""

from collections.abc import Sequence

from kpplugins.commands._command import CommandParser, run

FORMATS = ("onnx", "openvino", "torchscript", "litert", "coreml")


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Export a run; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    parser = CommandParser(
        prog=prog,
        description="Export a trained model as a folder that needs neither PyTorch nor MMPose, and measure on your own "
        "val images that it finds the same keypoints.",
    )
    parser.add_argument(
        "config",
        nargs="?",
        help="config file, or a checkpoint, which contains its config; default: the newest run",
    )
    parser.add_argument("checkpoint", nargs="?", help="default: the best one in the config's work dir")
    parser.add_argument("--to", choices=FORMATS, default="onnx", help="the format (default: onnx)")
    precision = parser.add_mutually_exclusive_group()
    precision.add_argument("--fp16", action="store_true", help="store the network in 16 bits")
    precision.add_argument(
        "--int8", metavar="IMAGES", help="compute the network in 8 bits, calibrated on these labelled images"
    )
    parser.add_argument("--opset", type=int, default=18, help="of ONNX (default: 18)")
    parser.add_argument("--flip-test", action="store_true", help="put the flip test into the model")
    parser.add_argument(
        "--detector", metavar="RUN", help="a detector's config or checkpoint, for the same folder"
    )
    parser.add_argument(
        "--data", metavar="DIR", help="compare on the val split of these data; default: the config's"
    )
    parser.add_argument(
        "--accept-loss", action="store_true", help="keep --fp16 or --int8 whatever AP it costs"
    )
    parser.add_argument("--out", metavar="DIR", help="default: NAME_FORMAT beside the checkpoint")
    parser.add_argument(
        "--trust-checkpoint", action="store_true", help="let the checkpoint run code while it loads"
    )
    args = parser.parse_args(argv)

    def work() -> int:
        from kpplugins.apis.export import export
        from kpplugins.apis.exporting.proof import proof_lines

        path, report = export(
            args.config, args.checkpoint, args.out, to=args.to, fp16=args.fp16, int8=args.int8, opset=args.opset,
            flip_test=args.flip_test, detector=args.detector, data=args.data, accept_loss=args.accept_loss,
            trust_checkpoint=args.trust_checkpoint,
        )  # fmt: skip
        for line in proof_lines(report):
            print(line)
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        print(
            f"results: {path} ({size / 1e6:.1f} MB): {report['file']}, model.json, parity.json, schema.json"
        )
        return 0

    return run(work, args)
