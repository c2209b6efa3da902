"""Make, convert and check data."""

import argparse
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from kpplugins.commands._command import CommandParser, add_pixels, pixel_options, run

NEW = "a folder that does not exist yet, or is empty"
NAMES = "names of the keypoints, in the order of the source: if it has none, or instead of its own"
FORMATS = (
    "cat, kaggle, coco, labelme, cvat, labelstudio, via, yolo, deeplabcut, lightningpose, sleap, tfrecord, "
    "boxes_json, datumaro, openpose, mpii, 300w, wflw, animalpose; default: detected from the source"
)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run a command on data; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    parser = CommandParser(
        prog=prog, description="Make, convert, check, split, export, crop and pack data sets."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    works: dict[str, Callable[[argparse.Namespace], int]] = {}
    for name, words, add, work in COMMANDS:
        add(commands.add_parser(name, help=words, description=words))
        works[name] = work
    args = parser.parse_args(argv)
    return run(lambda: works[args.command](args), args)


def _add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=["cat"], help="what to draw")
    parser.add_argument("--out", required=True, type=Path, help=NEW)
    parser.add_argument("--num", type=int, default=600, help="how many images (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same bytes (%(default)s)")


def _run_sample(args: argparse.Namespace) -> int:
    from kpplugins.synthetic import write_sample_cats

    with _bar("drawing") as progress:
        count = write_sample_cats(args.out, args.num, args.seed, progress=progress)
    print(f"{args.out}: {count} drawn cats (not photographs) in the CAT layout, seed {args.seed}")
    return 0


def _add_convert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, nargs="+", help="file or folder; several with --merge")
    parser.add_argument(
        "--merge", action="store_true", help="several sources become one set, their keypoints united by name"
    )
    parser.add_argument("--out", required=True, type=Path, help=NEW)
    _add_reading(parser)
    _add_division(parser, None)
    _add_place(parser, "symlink")
    parser.add_argument(
        "--category", metavar="NAME", help="category of all instances, instead of the source's"
    )
    _add_flips(parser)
    parser.add_argument("--no-check", action="store_true", help="do not examine the source as `check` does")


def _run_convert(args: argparse.Namespace) -> int:
    from kpplugins.curation.convert import convert

    with _bar("images") as progress:
        report = convert(
            args.source, args.out, merge=args.merge, ratios=args.ratio, seed=args.seed, group_by=args.group_by,
            category=args.category, place=args.place, checks=not args.no_check, progress=progress, **_flips(args),
            **_reading(args),
        )  # fmt: skip
    corrected = report.pop("pre-labels", None)
    _print_report(report)
    if corrected is not None:
        from kpplugins.curation.corrections import correction_words

        print(correction_words(corrected), end="")
    print(f"written: {args.out}\nnext: kpplugins dataset check {args.out}")
    return 0


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", type=Path, help="a data set in any known format, or what kpplugins demo wrote"
    )
    parser.add_argument("--to", required=True, choices=["coco", "labelme", "cvat", "yolo", "labelstudio"])
    parser.add_argument("--out", required=True, type=Path, help=NEW)
    parser.add_argument(
        "--predictions",
        type=Path,
        help="export these instead of the annotations: COCO results, or what kpplugins demo wrote",
    )
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help="where the images are, if not beside the source"
    )
    parser.add_argument(
        "--score-thr",
        type=float,
        metavar="SCORE",
        help="predicted keypoints with a lower score are left out; default: those that the run's own thresholds hold "
        "absent; without such thresholds 0.3",
    )
    _add_place(parser)
    parser.add_argument("--from", dest="from_format", metavar="FORMAT", help=FORMATS)
    parser.add_argument("--names", nargs="+", metavar="NAME", help=NAMES)
    _add_links(parser)
    _add_skip_bad(parser)


def _run_export(args: argparse.Namespace) -> int:
    from kpplugins.curation.export import export_annotations

    with _bar("images") as progress:
        report = export_annotations(
            args.source, args.out, to=args.to, predictions=args.predictions, images=args.images,
            score_thr=args.score_thr, place=args.place, from_format=args.from_format, names=args.names,
            skip_bad=args.skip_bad, links=args.links, progress=progress,
        )  # fmt: skip
    _print_report(report)
    print(f"written: {args.out}")
    return 0


def _add_schema(parser: argparse.ArgumentParser) -> None:
    _add_source(parser)
    parser.add_argument("--out", type=Path, help="folder for schema.png (default: work_dirs/data_NAME)")
    parser.add_argument(
        "--repeated",
        type=Path,
        metavar="SOURCE",
        help="the same images labelled again, to measure sigmas",
    )
    parser.add_argument("--num", type=int, default=8, help="instances to draw (%(default)s)")
    parser.add_argument("--write", action="store_true", help="save what was found as DIR/schema.json")
    _add_flips(parser)


def _run_schema(args: argparse.Namespace) -> int:
    from kpplugins.curation.schema_report import schema_report

    report = schema_report(
        args.source, out=_out(args), repeated=args.repeated, num=args.num, write=args.write, **_flips(args),
        **_reading(args),
    )  # fmt: skip
    print(report.text)
    print(
        "".join(
            f"{what}: {path}\n"
            for what, path in (("drawn", report.sheet), ("written", report.written))
            if path
        ),
        end="",
    )
    return 0


def _add_check(parser: argparse.ArgumentParser) -> None:
    _add_source(parser)
    parser.add_argument(
        "--out", type=Path, help="folder for check.json and check.html (default: work_dirs/data_NAME)"
    )
    _add_group_by(parser)
    add_pixels(parser)


def _run_check(args: argparse.Namespace) -> int:
    from kpplugins.curation.check import check

    with _bar("images") as progress:
        options = {k: v for k, v in _reading(args).items() if k != "skip_bad"}  # bad entries are findings
        options |= {"group_by": args.group_by, "pixels": pixel_options(args)}
        report = check(args.source, out=_out(args), progress=progress, **options)
    print(report.text)
    print(f"written: {_out(args)}: check.html, check.json")
    return report.exit_status


def _add_audit(parser: argparse.ArgumentParser) -> None:
    _add_source(parser)
    parser.add_argument(
        "--run", required=True, type=Path, help="a work dir or a checkpoint; with --folds also a config file"
    )
    parser.add_argument(
        "--folds",
        type=int,
        metavar="N",
        help="train the run's config anew on all but each of N parts, and judge every label; default: the run itself "
        "judges the images that it was not trained on",
    )
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--epochs", type=int, help="of each fold's training (as the config says)")
    budget.add_argument("--minutes", type=float, metavar="M", help="wall time of each fold's training")
    budget.add_argument(
        "--cpu-minutes", type=float, metavar="M", help="the same in minutes of one processor core"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="folder for audit.html, audit.json and the folds (default: work_dirs/data_NAME)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of folds and trainings (%(default)s)")
    _add_group_by(parser)


def _run_audit(args: argparse.Namespace) -> int:
    from kpplugins.apis.labelling.audit import audit

    cpu = args.cpu_minutes is not None
    with _bar("images") as progress:
        report = audit(
            args.source, args.run, out=_out(args), folds=args.folds, epochs=args.epochs,
            minutes=args.cpu_minutes if cpu else args.minutes, clock="cpu" if cpu else "wall", seed=args.seed,
            group_by=args.group_by, progress=progress, **_reading(args),
        )  # fmt: skip
    print(report.text)
    print(f"written: {_out(args)}: audit.html, audit.json")
    return 0


def _add_next(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pool", nargs="+", metavar="POOL", help="images, folders, patterns and videos")
    parser.add_argument("--run", required=True, type=Path, help="a work dir or a checkpoint")
    parser.add_argument("--number", type=int, default=50, help="how many images to choose (%(default)s)")
    parser.add_argument("--out", required=True, type=Path, help=NEW)
    parser.add_argument(
        "--to",
        default="labelme",
        choices=["coco", "labelme", "cvat", "yolo", "labelstudio"],
        help="the annotation tool's format (%(default)s)",
    )
    parser.add_argument(
        "--by",
        default="diverse",
        choices=["diverse", "unsure", "random"],
        help="images unlike each other, also weighted by the model's doubt, or by chance (%(default)s)",
    )
    parser.add_argument(
        "--every", type=float, default=1.0, metavar="SECONDS", help="look at a frame of a video (%(default)s)"
    )
    parser.add_argument("--labelled", type=Path, metavar="DIR", help="leave out what looks like one of these")
    parser.add_argument("--detector", type=Path, help="finds the boxes in which a top-down model predicts")
    parser.add_argument("--score-thr", type=float, metavar="SCORE", help="as in export")
    parser.add_argument("--seed", type=int, default=0, help="of the choice (%(default)s)")


def _run_next(args: argparse.Namespace) -> int:
    from kpplugins.apis.labelling.next_images import next_images

    with _bar("images") as progress:
        report = next_images(
            args.pool, args.run, out=args.out, number=args.number, to=args.to, way=args.by, every=args.every,
            labelled=args.labelled, detector=args.detector, score_thr=args.score_thr, seed=args.seed,
            progress=progress,
        )  # fmt: skip
    _print_report(report)
    print(f"written: {args.out}: next.json, next.jpg, {args.to}")
    return 0


def _add_split(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="DIR", help="a folder that convert wrote")
    _add_division(parser, (60, 20, 20))


def _run_split(args: argparse.Namespace) -> int:
    from kpplugins.curation.split import split

    _print_report(split(args.source, ratios=args.ratio, seed=args.seed, group_by=args.group_by))
    return 0


def _add_stats(parser: argparse.ArgumentParser) -> None:
    _add_source(parser)
    parser.add_argument(
        "--out", type=Path, help="folder for stats.json and stats.png (default: work_dirs/data_NAME)"
    )


def _run_stats(args: argparse.Namespace) -> int:
    from kpplugins.curation.stats import stats

    _, text = stats(args.source, out=_out(args), **_reading(args))
    print(f"{text}\nwritten: {_out(args)}: stats.png, stats.json")
    return 0


def _add_browse(parser: argparse.ArgumentParser) -> None:
    _add_source(parser)
    parser.add_argument("--out", type=Path, help="folder for browse_001.jpg … (default: work_dirs/data_NAME)")
    parser.add_argument("--split", default="train", help="train, val, test or all (%(default)s)")
    parser.add_argument("--num", type=int, default=5, help="how many images, 0 for all (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="which ones (%(default)s)")
    parser.add_argument("--no-masks", action="store_true", help="without the label maps beside the images")


def _run_browse(args: argparse.Namespace) -> int:
    from kpplugins.curation.browse import browse

    pages, sizes = browse(
        args.source, out=_out(args), split=args.split, num=args.num or None, seed=args.seed,
        masks=not args.no_masks, **_reading(args),
    )  # fmt: skip
    print("images: " + ", ".join(f"{name} {number}" for name, number in sizes.items()))
    print("\n".join(str(page) for page in pages))
    return 0


def _add_crop(parser: argparse.ArgumentParser) -> None:
    _add_source(parser)
    parser.add_argument("--out", required=True, type=Path, help=NEW)
    parser.add_argument(
        "--margin",
        type=float,
        default=0.125,
        help="around the box, as a share of its longer side (%(default)s)",
    )
    parser.add_argument(
        "--min-keypoints", type=int, default=1, help="leave out instances with fewer (%(default)s)"
    )
    parser.add_argument(
        "--min-side",
        type=int,
        default=32,
        help="leave out boxes whose longer side is shorter, px (%(default)s)",
    )
    parser.add_argument(
        "--square", action="store_true", help="square crops: what the model sees of a whole image"
    )
    parser.add_argument("--png", action="store_true", help="PNG instead of JPEG 95, three times the size")
    _add_division(parser, None)
    _add_flips(parser)


def _run_crop(args: argparse.Namespace) -> int:
    from kpplugins.curation.crop import crop

    with _bar("crops") as progress:
        report = crop(
            args.source, args.out, margin=args.margin, min_keypoints=args.min_keypoints, min_side=args.min_side,
            square=args.square, quality=None if args.png else 95, ratios=args.ratio, seed=args.seed,
            group_by=args.group_by, progress=progress, **_flips(args), **_reading(args),
        )  # fmt: skip
    _print_report(report)
    print(f"written: {args.out}; look at {args.out / 'verification.jpg'}")
    return 0


def _add_pack(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="DIR", help="a folder that convert wrote")
    parser.add_argument(
        "--to",
        required=True,
        choices=["zip", "lmdb", "tar"],
        help="one file, a database, or WebDataset's shards",
    )
    parser.add_argument(
        "--out", type=Path, help="what to make; must not exist (default: DIR.zip, DIR.lmdb or DIR.shards)"
    )
    parser.add_argument(
        "--shard-size", type=float, default=1000, metavar="MB", help="tar: size of a file (%(default)s)"
    )


def _run_pack(args: argparse.Namespace) -> int:
    from kpplugins.curation.pack import pack

    with _bar("files") as progress:
        report = pack(args.source, args.to, args.out, shard_size=args.shard_size, progress=progress)
    out = report.pop("out")
    _print_report(report)
    print(f"written: {out}\nnext: kpplugins train CONFIG --data {shlex.quote(out)}")
    return 0


COMMANDS = (
    ("sample", "draw a data set (it is drawn, not photographed)", _add_sample, _run_sample),
    ("convert", "convert annotations in any known format to COCO keypoints", _add_convert, _run_convert),
    ("export", "write annotations or predictions for an annotation tool", _add_export, _run_export),
    (
        "schema",
        "show the keypoints: names, flip pairs, sigmas; drawn plain and mirrored",
        _add_schema,
        _run_schema,
    ),
    ("check", "find what would harm training; exit status 1 if anything would", _add_check, _run_check),
    ("audit", "find labels that a model which has not seen them disagrees with", _add_audit, _run_audit),
    ("next", "choose the images to label next, with predictions to correct", _add_next, _run_next),
    ("split", "divide a converted set anew into train, val and test", _add_split, _run_split),
    ("stats", "print numbers and draw plots", _add_stats, _run_stats),
    ("browse", "draw contact sheets of images with their keypoints and label maps", _add_browse, _run_browse),
    ("crop", "save every labelled instance as its own image", _add_crop, _run_crop),
    ("pack", "pack a converted set into one file, a database or tar files", _add_pack, _run_pack),
)


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="DIR", help="a data set in any known format")
    _add_reading(parser)


def _add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the options of the formats' readers."""
    parser.add_argument("--from", dest="from_format", metavar="FORMAT", help=FORMATS)
    parser.add_argument("--names", nargs="+", metavar="NAME", help=NAMES)
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help="where the images are, if not beside the annotations"
    )
    parser.add_argument(
        "--subset", choices=["15", "4", "all"], help="kaggle: rows with 15 keypoints, with 4, or all"
    )
    parser.add_argument(
        "--box-format", choices=["xywh", "xyxy"], help="coco: how the file's boxes are stored"
    )
    parser.add_argument(
        "--annotation", type=int, metavar="N", help="labelstudio: which one of a task's annotations, from 1"
    )
    parser.add_argument(
        "--rescale",
        action="store_true",
        default=None,
        help="scale annotations to images that were scaled after they were annotated",
    )
    parser.add_argument(
        "--negatives",
        action="store_true",
        default=None,
        help="rows and frames without keypoints show nothing to label, instead of being left out",
    )
    parser.add_argument(
        "--split-files", nargs="+", metavar="SPLIT=FILE", help="coco: which file is train, val or test"
    )
    _add_links(parser)
    _add_skip_bad(parser)


def _reading(args: argparse.Namespace) -> dict:
    """Return the options of ``_add_reading`` as keyword arguments."""
    return {
        "from_format": args.from_format, "names": args.names, "subset": args.subset,
        "box_format": args.box_format, "annotation": args.annotation, "images": args.images,
        "rescale": args.rescale, "negatives": args.negatives, "split_files": args.split_files,
        "links": args.links, "skip_bad": args.skip_bad,
    }  # fmt: skip


def _add_flips(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which keypoints change places in a mirrored image."""
    only_one = parser.add_mutually_exclusive_group()
    only_one.add_argument(
        "--flip-pairs",
        nargs="+",
        metavar="A:B",
        help="all pairs of keypoints that are left and right of one thing",
    )
    only_one.add_argument(
        "--no-flip-pairs",
        action="store_true",
        help="there are none: a mirrored image keeps every keypoint's name",
    )
    only_one.add_argument(
        "--accept-flip-pairs", action="store_true", help="use the pairs that the labelled keypoints suggest"
    )


def _flips(args: argparse.Namespace) -> dict:
    """Return the options of ``_add_flips`` as keyword arguments."""
    pairs = [] if args.no_flip_pairs else args.flip_pairs
    return {"flip_pairs": pairs, "accept_flip_pairs": args.accept_flip_pairs}


def _add_division(parser: argparse.ArgumentParser, ratios: tuple[int, int, int] | None) -> None:
    words = "%(default)s" if ratios else "default: the source's own division, else 80 10 10"
    parser.add_argument(
        "--ratio", type=float, nargs=3, default=ratios, metavar=("TRAIN", "VAL", "TEST"), help=words
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the shuffle before dividing (%(default)s)"
    )
    _add_group_by(parser)


def _add_group_by(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--group-by", metavar="REGEX", help="keep images together whose paths have the same group"
    )


def _add_place(parser: argparse.ArgumentParser, *more: str) -> None:
    parser.add_argument(
        "--place", choices=["copy", "hardlink", *more], default="copy", help="how to place the images"
    )


def _add_links(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--links",
        action="store_true",
        default=None,
        help="images and their folders may be links out of the source",
    )


def _add_skip_bad(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--skip-bad", action="store_true", help="skip bad entries and say how many and why")


def _out(args: argparse.Namespace) -> Path:
    """Return the folder for results about data: never the data folder itself."""
    source = args.source.resolve()
    return args.out or Path("work_dirs") / f"data_{source.name if source.is_dir() else source.stem}"


class _bar:
    """A progress bar as a ``progress(done, total)`` function."""

    def __init__(self, words: str) -> None:
        from tqdm import tqdm

        self.bar = tqdm(desc=words, disable=None)

    def __enter__(self) -> Callable[[int, int], None]:
        def progress(done: int, total: int) -> None:
            self.bar.total = total
            self.bar.update(done - self.bar.n)

        return progress

    def __exit__(self, *_: object) -> None:
        self.bar.close()


def _print_report(report: dict) -> None:
    said = [(kind, line) for kind in ("note", "warning") for line in report.pop(f"{kind}s", [])]
    lines = [f"{key}: {_words(value)}" for key, value in report.items() if value or key == "skipped"]
    print("\n".join([*lines, *(f"{kind}: {line}" for kind, line in said)]))


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(inner)}" for key, inner in value.items()) or "nothing"
    if isinstance(value, (list, tuple)):
        return ", ".join("/".join(v) if isinstance(v, (list, tuple)) else str(v) for v in value)
    return str(value)
