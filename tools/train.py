"""Train a config: python tools/train.py configs/cat_hourglass.py"""

import argparse
import sys
from pathlib import Path

from _command import add_common, options, run


def main() -> int:
    parser = argparse.ArgumentParser(description="Train a keypoint detector.")
    parser.add_argument("config", help="config file, e.g. configs/cat_hourglass.py")
    parser.add_argument("--resume", nargs="?", const=True, default=False, metavar="CHECKPOINT",
                        help="go on from the run's last checkpoint, or from this one")  # fmt: skip
    parser.add_argument("--from-scratch", action="store_true",
                        help="leave out the pretrained weights that the config names")  # fmt: skip
    parser.add_argument("--amp", action="store_true", help="automatic mixed precision")
    add_common(parser)
    args = parser.parse_args()

    def work() -> int:
        from kpplugins.apis.train import train

        scratch = args.from_scratch
        out = train(args.config, resume=args.resume, amp=args.amp, from_scratch=scratch, **options(args))
        print(f"trained: {out}\nnext: python tools/test.py {out / Path(args.config).name}")
        return 0

    return run(work)


if __name__ == "__main__":
    sys.exit(main())
