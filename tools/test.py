"""Test a trained config: python tools/test.py configs/cat_hourglass.py"""

import argparse
import sys

from _command import add_common, options, run


def main() -> int:
    parser = argparse.ArgumentParser(description="Test a keypoint detector: AP, PCK, NME, images.")
    parser.add_argument(
        "config", nargs="?", help="config file or a checkpoint, which has its own; default: the newest run"
    )
    parser.add_argument("checkpoint", nargs="?", help="default: the best one in the config's work dir")
    parser.add_argument(
        "--submission", metavar="FILE", help="also write Kaggle's CSV, from test.csv and IdLookupTable.csv"
    )
    add_common(parser)
    args = parser.parse_args()

    def work() -> int:
        from kpplugins.apis.test import test

        numbers, out, table = test(args.config, args.checkpoint, submission=args.submission, **options(args))
        print("  ".join(f"{key} {value:.4f}" for key, value in numbers.items()))
        print(table, end="")
        print(
            f"results: {out}: metrics.json"
            + (", per_keypoint.md, best_and_worst.jpg, curves.png" if table else "")
        )
        return 0

    return run(work)


if __name__ == "__main__":
    sys.exit(main())
