"""Which of the labels that were spoiled are found again: python -m benchmarks.wrong_labels --sources DIR.

A twentieth of the instances of real sets is spoiled in five ways (``benchmarks.spoiled``). `kpplugins dataset audit`
trains a small hourglass on five folds of the spoiled labels and ranks its suspects; as many instances as were spoiled
are looked at, from the top. Beside it stands what `kpplugins dataset check` names without a model. The program may be
stopped at any time; started again, it goes on with what is not trained yet.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.pretrained import SETS
from benchmarks.spoiled import WAYS, Spoiled, share_found, spoil
from kpplugins.apis.labelling.audit import audit
from kpplugins.commands._command import run
from kpplugins.config.config_text import config_text
from kpplugins.curation.check import check
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import images_of, write_coco
from kpplugins.formats.open_source import open_source
from kpplugins.structures.replaced_file import replace_text
from kpplugins.visualization.table import markdown_table

ROOT = Path(__file__).resolve().parent.parent
SHARE = 0.05
FAR = 3
"""Median errors from which on a moved keypoint must be found."""
MOST = 800
"""Instances of a set that are used: the first ones."""


def config_of(out: Path) -> Path:
    """Write the config of a small hourglass.

    Args:
        out: the folder.

    Returns:
        The file.
    """
    alone = {"num_workers": 0, "persistent_workers": False}
    settings = {
        "input_size": (64, 64), "model": {"backbone": {"channels": 32}, "head": {"in_channels": 32}},
        "train_dataloader": alone, "val_dataloader": alone, "test_dataloader": alone,
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    replace_text(out / "small.py", config_text(ROOT / "configs/custom_hourglass_small.py", settings))
    return out / "small.py"


def spoiled_set(source: Path, arguments: dict[str, Any], out: Path, seed: int) -> list[Spoiled]:
    """Write a set with spoiled labels in the inner format.

    Args:
        source: the good one.
        arguments: of its reader.
        out: the folder to make, if it is not there.
        seed: of what is spoiled.

    Returns:
        What is spoiled; ``Spoiled.instance`` is the index among the records of the new set.
    """
    reader = {key: arguments[key] for key in ("names", "subset") if key in arguments}
    _, reading = open_source(source, extract_to=out.with_name(f"{out.name}_images"), **reader)
    reading.records = reading.records[:MOST]
    bad, told = spoil(AnnotationSet(reading.schema, reading.records), SHARE, seed)
    if not out.is_dir():
        write_coco(bad, out, {image.path: "train" for image in images_of(bad)})
    return told


def measure(data: str, sources: Path, out: Path, minutes: float, seed: int) -> dict[str, Any]:
    """Spoil a set, audit it, check it, and compare.

    Args:
        data: key of ``SETS``.
        sources: folder of the sets.
        out: folder for results.
        minutes: CPU-minutes of each fold's training.
        seed: of what is spoiled.

    Returns:
        Figures: ``precision`` and ``recall`` at the top, recall by way and of the keypoints that were moved far, as
        pairs (found, of all), and the same of ``check``.
    """
    told = SETS[data]
    folder = out / f"{data}-{seed}"
    spoiled = spoiled_set(sources / told.source, told.arguments, folder / "data", seed)
    report = audit(
        folder / "data",
        config_of(out),
        out=folder / "audit",
        folds=5,
        minutes=minutes,
        clock="cpu",
        seed=seed,
    )
    _, reading = open_source(folder / "data")
    keys = {_key(record): i for i, record in enumerate(reading.records)}
    ranked = list(dict.fromkeys(keys[_key(s.label)] for s in report.suspects))
    found = check(folder / "data").findings
    named = list(dict.fromkeys(f.instance for f in found if f.instance is not None and f.severity != "note"))
    px, share = report.median_error
    far = [s for s in spoiled if s.moved >= FAR * share]
    return {
        "data": data, "seed": seed, "instances": len(report.evidence.records), "spoiled": len(spoiled),
        "median px": px, "median share": share,
        **_told(ranked[: len(spoiled)], spoiled, far),
        "check": _told([i for i in named if i is not None], spoiled, far),
        "first": [f"{s.kind} {s.label.image.name}" for s in report.suspects[:3]],
    }  # fmt: skip


def _key(record: Any) -> tuple[str, bytes, bytes]:
    return record.image.name, record.keypoints.tobytes(), record.bbox.tobytes()


def _told(named: Sequence[int], spoiled: Sequence[Spoiled], far: Sequence[Spoiled]) -> dict[str, Any]:
    precision, recall = share_found(named, [s.instance for s in spoiled])

    def found(some: Sequence[Spoiled]) -> tuple[int, int]:
        return sum(s.instance in set(named) for s in some), len(some)

    ways = {way: found([s for s in spoiled if s.way == way]) for way in WAYS}
    return {"named": len(named), "precision": precision, "recall": recall, "ways": ways, "far": found(far)}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Write the figures as Markdown.

    Args:
        rows: from ``measure``.

    Returns:
        A row for each set by ``audit``, and one by ``check``.
    """
    heads = ["data", "by", "named", "precision", "recall", *WAYS, f"moved {FAR} medians or more"]
    lines = []
    for row in rows:
        words = f"{row['data']}, {row['spoiled']} of {row['instances']}, seed {row['seed']}"
        for by, told in (("audit", row), ("check", row["check"])):
            shares = [f"{a} of {b}" for a, b in (*told["ways"].values(), told["far"])]
            lines.append(
                [words, by, told["named"], f"{told['precision']:.2f}", f"{told['recall']:.2f}", *shares]
            )
    return markdown_table(heads, lines)


def main() -> int:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description="Spoil labels, and count which are found again.")
    parser.add_argument("--sources", type=Path, required=True, help="folder of the data sets")
    parser.add_argument(
        "--out", type=Path, default=Path("work_dirs/wrong_labels"), help="folder (%(default)s)"
    )
    parser.add_argument(
        "--cpu-minutes", type=float, default=0.6, help="of each fold's training (%(default)s)"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="(%(default)s)")
    parser.add_argument(
        "--only", nargs="+", choices=SETS, default=["faces", "tubes", "mouse"], help="data sets"
    )
    args = parser.parse_args()

    def work() -> int:
        rows = []
        for seed in args.seeds:
            for data in args.only:
                rows.append(measure(data, args.sources, args.out, args.cpu_minutes, seed))
                replace_text(args.out / "wrong_labels.json", json.dumps(rows, indent=1) + "\n")
                replace_text(args.out / "wrong_labels.md", table(rows))
        print(table(rows))
        return 0

    return run(work)


if __name__ == "__main__":
    sys.exit(main())
