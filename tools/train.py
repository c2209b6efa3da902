"""Train a config, or several, one after the other: python tools/train.py configs/cat_hourglass.py"""

import argparse
import subprocess
import sys
from pathlib import Path

from _command import add_common, options, run


def main() -> int:
    parser = argparse.ArgumentParser(description="Train a keypoint detector.")
    parser.add_argument("config", nargs="+",
                        help="config files, e.g. configs/cat_hourglass.py, trained one after the other")  # fmt: skip
    parser.add_argument("--resume", nargs="?", const=True, default=False, metavar="CHECKPOINT",
                        help="go on from the run's last checkpoint, or from this one")  # fmt: skip
    parser.add_argument("--from-scratch", action="store_true",
                        help="leave out the pretrained weights that the config names")  # fmt: skip
    parser.add_argument("--amp", action="store_true", help="automatic mixed precision")
    add_common(parser)
    args = parser.parse_args()
    if len(args.config) > 1:
        if args.work_dir or isinstance(args.resume, str) or args.launcher != "none":
            parser.error("several configs: without --work-dir, --resume CHECKPOINT and --launcher")
        return each(args.config)
    (config,) = args.config

    def work() -> int:
        from kpplugins.apis.train import train

        scratch = args.from_scratch
        out = train(config, resume=args.resume, amp=args.amp, from_scratch=scratch, **options(args))
        print(f"trained: {out}\nnext: python tools/test.py {out / Path(config).name}")
        return 0

    return run(work)


def each(configs: list[str]) -> int:
    """Train every config in a process of its own, with the options of this one; the first that fails ends it."""
    options = [word for word in sys.argv[1:] if word not in configs]
    for number, config in enumerate(configs, 1):
        print(f"{number} of {len(configs)}: {config}", flush=True)
        status = subprocess.run([sys.executable, __file__, config, *options]).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
