"""Keypoints in pictures, videos or the webcam: python tools/demo.py PICTURE … | --webcam"""

import argparse
import sys

from _command import run


def main() -> int:
    parser = argparse.ArgumentParser(description="Show what a trained model finds.")
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="pictures, videos, folders")
    parser.add_argument(
        "--webcam", nargs="?", const="0", metavar="ID", help="live from a camera (default: 0)"
    )
    parser.add_argument("--config", help="default: the newest run's in work_dirs")
    parser.add_argument("--checkpoint", help="default: the best one of the config's work dir")
    parser.add_argument(
        "--out", default="work_dirs/demo", help="folder for drawn pictures and JSON (%(default)s)"
    )
    parser.add_argument("--bbox", type=float, nargs=4, action="append", metavar=("X1", "Y1", "X2", "Y2"),
                        help="look here, in pixels; may be repeated; default: the whole picture")  # fmt: skip
    parser.add_argument(
        "--data", metavar="DIR", help="the test pictures of the config's dataset, at this folder"
    )
    parser.add_argument(
        "--score-thr", type=float, default=0.3, help="points below are drawn as rings (%(default)s)"
    )
    parser.add_argument("--device", help="cpu, cuda:0, …; default: a GPU where there is one")
    parser.add_argument("--max-frames", type=int, help="stop the webcam after so many pictures")
    parser.add_argument("--skip-bad", action="store_true", help="go on without unreadable files")
    parser.add_argument(
        "--trust-checkpoint", action="store_true", help="let the checkpoint run code while it loads"
    )
    args = parser.parse_args()
    if not args.inputs and args.data is None and args.webcam is None:
        parser.error("give pictures, videos or folders, or --data DIR, or --webcam")

    def work() -> int:
        import numpy as np

        from kpplugins.apis.checkpoints import run_of
        from kpplugins.apis.demo import demo_files, demo_webcam, find_inputs, test_pictures
        from kpplugins.apis.predictor import Predictor

        files = find_inputs(args.inputs)
        config, checkpoint = run_of(args.config, args.checkpoint)
        print(f"config {config}, checkpoint {checkpoint}")
        predictor = Predictor(config, checkpoint, args.device, trust_checkpoint=args.trust_checkpoint)
        if args.webcam is not None:
            shown = demo_webcam(predictor, args.webcam, score_thr=args.score_thr, max_frames=args.max_frames)
            print(f"{shown} pictures shown")
        files += test_pictures(config, args.data, f"{args.out}/pictures") if args.data else []
        if files:
            boxes = np.array(args.bbox) if args.bbox else None
            written = demo_files(
                predictor, files, args.out, boxes=boxes, score_thr=args.score_thr, skip_bad=args.skip_bad
            )
            print("\n".join(str(path) for path in written))
        return 0

    return run(work)


if __name__ == "__main__":
    sys.exit(main())
