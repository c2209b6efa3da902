"""Show the keypoints in images, videos or the webcam.

Keypoints are searched in the boxes of a detector (--detector CONFIG), in given ones (--bbox), or in the
whole image. A one-stage model, which finds boxes and keypoints at once, takes none of these.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from kpplugins.commands._command import CommandParser, run

HELP = "A one-stage model, which finds boxes and keypoints at once, takes neither --detector nor --bbox."


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Build the parser of the command.

    Args:
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The parser.
    """
    parser = CommandParser(prog=prog, description="Show what a trained model finds.", epilog=HELP)
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="images, videos, folders")
    parser.add_argument(
        "--webcam", nargs="?", const="0", metavar="ID", help="live from a camera (default: 0)"
    )
    parser.add_argument("--config", help="default: the one in the checkpoint")
    parser.add_argument(
        "--checkpoint", help="default: the best one of the config's work dir, or of the newest run"
    )
    parser.add_argument("--detector", metavar="CONFIG", help="search in the boxes that this detector finds")
    parser.add_argument(
        "--detector-checkpoint", metavar="FILE", help="default: the best one of the detector's work dir"
    )
    parser.add_argument(
        "--detector-classes", nargs="+", metavar="NAME", help="only the detector's boxes of these classes"
    )
    parser.add_argument(
        "--out", default="work_dirs/demo", help="folder for drawn images and JSON (%(default)s)"
    )
    parser.add_argument("--bbox", type=float, nargs=4, action="append", metavar=("X1", "Y1", "X2", "Y2"),
                        help="search here, in pixels; may be repeated; default: the whole image")  # fmt: skip
    parser.add_argument(
        "--data", metavar="DIR", help="the test images of the config's dataset, at this folder"
    )
    parser.add_argument(
        "--score-thr",
        type=float,
        default=0.3,
        help="keypoints with a lower score are drawn as rings (%(default)s)",
    )
    parser.add_argument(
        "--box-thr", type=float, default=0.3, metavar="SCORE",
        help="boxes of a detector or a one-stage model with a lower score are left out (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--device", help="cpu, cuda:0, …; default: a GPU if there is one")
    parser.add_argument(
        "--max-frames", type=int, metavar="N", help="of a video or the webcam, only the first N frames"
    )
    parser.add_argument("--skip-bad", action="store_true", help="skip unreadable files")
    parser.add_argument(
        "--trust-checkpoint", action="store_true", help="let the checkpoint run code while it loads"
    )
    return parser


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Show what a trained model finds; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    command = parser(prog)
    args = command.parse_args(argv)
    if not args.inputs and args.data is None and args.webcam is None:
        command.error("give images, videos or folders, or --data DIR, or --webcam")
    detecting = args.detector is not None or args.detector_checkpoint is not None
    if detecting and args.bbox:
        command.error("give either --bbox or --detector")
    if args.detector_classes and not detecting:
        command.error("--detector-classes needs --detector")

    def work() -> int:
        import numpy as np

        from kpplugins.apis.demo import demo_files, demo_webcam, find_inputs, test_images
        from kpplugins.inference.predictor import Predictor
        from kpplugins.structures import IncompleteInputError
        from kpplugins.weights.checkpoints import run_of

        files = find_inputs(args.inputs)
        config, checkpoint = run_of(args.config, args.checkpoint)
        print(f"config {config or 'in the checkpoint'}, checkpoint {checkpoint}")
        detector = _detector_of(args) if detecting else None
        predictor = Predictor(
            config, checkpoint, args.device,
            detector=detector, box_thr=args.box_thr, trust_checkpoint=args.trust_checkpoint,
        )  # fmt: skip
        if args.webcam is not None:
            shown = demo_webcam(predictor, args.webcam, score_thr=args.score_thr, max_frames=args.max_frames)
            print(f"{shown} images shown")
        files += test_images(config or predictor.config, args.data, f"{args.out}/images") if args.data else []
        if files:
            boxes = np.array(args.bbox) if args.bbox else None
            try:
                written = demo_files(
                    predictor, files, args.out, boxes=boxes,
                    score_thr=args.score_thr, skip_bad=args.skip_bad, max_frames=args.max_frames,
                )  # fmt: skip
            except IncompleteInputError as fault:
                print("\n".join(map(str, fault.written)))
                raise
            print("\n".join(str(path) for path in written))
        return 0

    return run(work, args)


def _detector_of(args: argparse.Namespace) -> Any:
    """Load the detector that the options name."""
    from kpplugins.inference.box_detector import BoxDetector
    from kpplugins.weights.checkpoints import run_of

    config, checkpoint = run_of(args.detector, args.detector_checkpoint)
    print(f"detector {config or 'in the checkpoint'}, checkpoint {checkpoint}")
    return BoxDetector(
        config, checkpoint, args.device, args.box_thr, args.detector_classes, args.trust_checkpoint
    )
