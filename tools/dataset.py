"""Make and convert data: python tools/dataset.py convert SOURCE --out DIR"""

import argparse
import json
import sys
from pathlib import Path

from _command import run


def main() -> int:
    parser = argparse.ArgumentParser(description="Make, convert and look after data sets.")
    commands = parser.add_subparsers(dest="command", required=True)
    sample = commands.add_parser("sample", help="draw a data set (it is drawn, not photographed)")
    sample.add_argument("kind", choices=["cat"], help="what to draw")
    sample.add_argument(
        "--out", required=True, type=Path, help="a folder that does not exist yet, or is empty"
    )
    sample.add_argument("--num", type=int, default=600, help="how many pictures (%(default)s)")
    sample.add_argument("--seed", type=int, default=0, help="same seed, same bytes (%(default)s)")
    add_convert(
        commands.add_parser("convert", help="bring annotations of any known format into COCO keypoints")
    )
    args = parser.parse_args()
    return run(lambda: {"sample": run_sample, "convert": run_convert}[args.command](args))


def add_convert(parser: argparse.ArgumentParser) -> None:
    """The options of ``convert``."""
    parser.add_argument("source", type=Path, help="file or folder")
    parser.add_argument(
        "--out", required=True, type=Path, help="a folder that does not exist yet, or is empty"
    )
    parser.add_argument("--from", dest="from_format", metavar="FORMAT", help="default: told from the source")
    parser.add_argument(
        "--ratio", type=float, nargs=3, default=(80, 10, 10), metavar=("TRAIN", "VAL", "TEST")
    )
    parser.add_argument("--seed", type=int, default=0, help="of the shuffle before dividing (%(default)s)")
    parser.add_argument(
        "--group-by", metavar="REGEX", help="keep pictures together whose path has the same group"
    )
    parser.add_argument(
        "--place", choices=["copy", "hardlink", "symlink"], default="copy", help="how pictures come in"
    )
    parser.add_argument("--subset", help="kaggle: rows with 15 points, with 4, or all")
    parser.add_argument(
        "--names", nargs="+", metavar="NAME", help="names of the points, where the format has none"
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="go on without bad entries, saying how many and why"
    )


def run_sample(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from kpplugins.converters.sample_cats import write_sample_cats

    with tqdm(total=args.num, desc="drawing", disable=None) as bar:
        count = write_sample_cats(
            args.out, args.num, args.seed, progress=lambda done, _: bar.update(done - bar.n)
        )
    print(f"{args.out}: {count} drawn cats (not photographs) in the CAT layout, seed {args.seed}")
    return 0


def run_convert(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from kpplugins.converters.convert import convert

    with tqdm(desc="pictures", disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        report = convert(
            args.source, args.out, from_format=args.from_format, ratios=args.ratio, seed=args.seed,
            group_by=args.group_by, place=args.place, skip_bad=args.skip_bad, progress=progress,
            subset=args.subset, names=args.names,
        )  # fmt: skip
    print("\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in report.items()))
    print(f"written: {args.out}\nnext: python tools/train.py configs/custom_hourglass.py --data {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
