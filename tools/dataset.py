"""Make data: python tools/dataset.py sample cat --out data/cat_sample --num 600 --seed 0"""

import argparse
import sys
from pathlib import Path

from _command import run


def main() -> int:
    parser = argparse.ArgumentParser(description="Make and look after data sets.")
    commands = parser.add_subparsers(dest="command", required=True)
    sample = commands.add_parser("sample", help="draw a data set (it is drawn, not photographed)")
    sample.add_argument("kind", choices=["cat"], help="what to draw")
    sample.add_argument(
        "--out", required=True, type=Path, help="a folder that does not exist yet, or is empty"
    )
    sample.add_argument("--num", type=int, default=600, help="how many pictures (%(default)s)")
    sample.add_argument("--seed", type=int, default=0, help="same seed, same bytes (%(default)s)")
    args = parser.parse_args()

    def work() -> int:
        from tqdm import tqdm

        from kpplugins.converters.sample_cats import write_sample_cats

        with tqdm(total=args.num, desc="drawing", disable=None) as bar:
            count = write_sample_cats(
                args.out, args.num, args.seed, progress=lambda done, _: bar.update(done - bar.n)
            )
        print(f"{args.out}: {count} drawn cats (not photographs) in the CAT layout, seed {args.seed}")
        return 0

    return run(work)


if __name__ == "__main__":
    sys.exit(main())
