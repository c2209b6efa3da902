"""Export a trained run to ONNX."""

from collections.abc import Sequence

from kpplugins.commands._command import CommandParser, run


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
        description="Export a keypoint detector to ONNX, and verify that ONNX Runtime finds the same keypoints.",
    )
    parser.add_argument(
        "config",
        nargs="?",
        help="config file, or a checkpoint, which contains its config; default: the newest run",
    )
    parser.add_argument("checkpoint", nargs="?", help="default: the best one in the config's work dir")
    parser.add_argument("--out", metavar="FILE", help="default: NAME.onnx beside the checkpoint")
    parser.add_argument(
        "--trust-checkpoint", action="store_true", help="let the checkpoint run code while it loads"
    )
    args = parser.parse_args(argv)

    def work() -> int:
        from kpplugins.apis.export import export

        path, proof = export(args.config, args.checkpoint, args.out, trust_checkpoint=args.trust_checkpoint)
        for name, o in proof["outputs"].items():
            shape = "×".join(map(str, o["shape"]))
            print(f"{name} {shape}: differs by {o['max_difference']:.1e}, {o['relative']:.1e} of its range")
        points = proof["keypoints"]
        unsteady = f"; {points['unsteady']} left out, as rounding moves them" if points["unsteady"] else ""
        print(
            f"keypoints: {points['compared']} compared, at most {points['max_difference_px']:.2g} px apart{unsteady}"
        )
        print(
            f"results: {path} ({path.stat().st_size / 1e6:.1f} MB), "
            f"{path.with_suffix('.onnx.json').name}, {path.with_suffix('.parity.json').name}"
        )
        return 0

    return run(work, args)
