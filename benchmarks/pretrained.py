"""Weights of ImageNet against random ones, at equal CPU-minutes: python -m benchmarks.pretrained --sources DIR.

`configs/custom_mobilenetv2.py` is trained on parts of four data sets with few labels, once from torchvision's ImageNet
weights and once from random ones, with the same budget, images, seed and schedule, and tested on the same images. There
is no validation: the last checkpoint is tested. Half the labels with ImageNet weights are set against all of them
without. The program may be stopped at any time; started again, it goes on with the next run.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.apis.comparison.budget import Budget
from kpplugins.apis.comparison.fresh_process import in_fresh_process
from kpplugins.apis.comparison.recipe import Recipe
from kpplugins.commands._command import run
from kpplugins.curation.convert import convert
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_text
from kpplugins.visualization.table import markdown_table

ROOT = Path(__file__).resolve().parent.parent
STARTS = ("scratch", "ImageNet")
RATES = {"scratch": 4e-3, "ImageNet": 1e-3}
"""Learning rates: that of the small hourglass, and a lower one that leaves more of the weights as they are."""


@dataclass(frozen=True)
class LabelledSet:
    """A data set of the comparison.

    Attributes:
        source: its folder below the sources.
        arguments: of ``convert``.
        sizes: numbers of training instances that are compared; half of each is trained from ImageNet as well.
        tested: the split that is tested.
        budget: of each training, in units of ``--cpu-minutes``: more where nothing is learnt in one.
    """

    source: str
    arguments: dict[str, Any] = field(default_factory=dict)
    sizes: tuple[int, ...] = ()
    tested: str = "test"
    budget: float = 1.0


SETS = {
    "faces": LabelledSet("kaggle_faces", dict(subset="15", ratios=(1000, 0, 200)), (200, 1000, 50)),
    "tubes": LabelledSet(
        "glue_tubes", dict(names=["head", "tail"], category="glue_tube", ratios=(70, 0, 30)), (78,)
    ),
    "mouse": LabelledSet("openfield_dlc", dict(ratios=(70, 0, 30)), (80,)),
    "persons": LabelledSet("coco_mini", {}, (86,), tested="val", budget=3.0),
}


@dataclass(frozen=True)
class Trial:
    """One training of the comparison.

    Attributes:
        data: key of ``SETS``.
        start: of ``STARTS``.
        rows: number of training instances.
        seed: of the choice of instances, the weights and the order.
    """

    data: str
    start: str
    rows: int
    seed: int

    @property
    def name(self) -> str:
        """Return its name in the results."""
        return f"{self.data}-{self.rows}-{self.start}-{self.seed}"


def trials(names: Sequence[str], seeds: int) -> Iterator[Trial]:
    """List the trainings, all of one seed before the next seed, and of each data set the first size first.

    Args:
        names: keys of ``SETS``.
        seeds: number of seeds.

    Yields:
        Each training once.
    """
    for seed in range(seeds):
        told: set[Trial] = set()
        for rank in range(max(len(SETS[data].sizes) for data in names)):
            for data in names:
                for size in SETS[data].sizes[rank : rank + 1]:
                    all_labels = [Trial(data, start, size, seed) for start in STARTS]
                    new = [t for t in (*all_labels, Trial(data, STARTS[1], size // 2, seed)) if t not in told]
                    told.update(new)
                    yield from new


def summary(rows: dict[str, dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """Put both starts side by side, and half the labels beside all of them.

    Args:
        rows: figures of the trainings by name, see ``Trial``.
        names: keys of ``SETS``.

    Returns:
        For each data set and number of labels: mean errors in pixels of scratch, ImageNet, and ImageNet with half the
        labels, the seeds of each, and whether half the labels are as good as all of them from scratch.
    """
    found = []
    for data in names:
        for size in sorted(SETS[data].sizes):
            errors = {
                key: [v["EPE"] for v in rows.values() if (v["data"], v["rows"], v["start"]) == (data, *what)]
                for key, what in {
                    "scratch": (size, "scratch"), "ImageNet": (size, "ImageNet"), "half": (size // 2, "ImageNet"),
                }.items()
            }  # fmt: skip
            means = {key: statistics.fmean(v) if v else None for key, v in errors.items()}
            both = means["half"] is not None and means["scratch"] is not None
            enough = means["half"] <= means["scratch"] if both else None
            found.append(dict(data=data, labels=size, errors=errors, **means, half_is_enough=enough))
    return found


def tables(found: list[dict[str, Any]]) -> str:
    """Write the figures as Markdown.

    Args:
        found: from ``summary``.

    Returns:
        The table.
    """
    header = [
        "data",
        "labels",
        "scratch px",
        "ImageNet px",
        "ImageNet, half the labels px",
        "half is enough",
        "seeds",
    ]
    answers = {True: "yes", False: "no", None: "-"}

    def cell(row: dict[str, Any], key: str) -> str:
        values = row["errors"][key]
        spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
        return f"{row[key]:.2f}{spread}" if values else "-"

    cells = [
        [
            row["data"], row["labels"], *(cell(row, key) for key in ("scratch", "ImageNet", "half")),
            answers[row["half_is_enough"]], min(len(values) for values in row["errors"].values()),
        ]
        for row in found
    ]  # fmt: skip
    return markdown_table(header, cells)


def options_of(trial: Trial, available: int, weights: str | None) -> dict[str, Any]:
    """Return the options of a training: its instances, and neither validation nor checkpoints before the end.

    Args:
        trial: the training.
        available: number of training instances of the data set.
        weights: file or address of the ImageNet weights; ``None`` is torchvision's.

    Returns:
        Values by dotted key.
    """
    chosen = np.random.default_rng(trial.seed).permutation(available)[: trial.rows]
    return {
        **unvalidated(chosen.tolist(), SETS[trial.data].tested),
        "lr": RATES[trial.start],
        **({"backbone_weights": weights} if weights and trial.start == "ImageNet" else {}),
    }


def unvalidated(chosen: Sequence[int], tested: str) -> dict[str, Any]:
    """Return the options of a training on some instances, with neither validation nor checkpoints before the end.

    Args:
        chosen: indices of the training instances.
        tested: the split that is tested.

    Returns:
        Values by dotted key.
    """
    loaders = ("train_dataloader", "test_dataloader")
    return {
        "train_dataloader.dataset.indices": sorted(chosen),
        "test_dataloader.dataset.split": tested,
        **{f"{loader}.{key}": value for loader in loaders for key, value in _IN_PROCESS.items()},
        "val_dataloader": None, "val_evaluator": None, "val_cfg": None,
        "default_hooks.checkpoint.save_best": None, "default_hooks.checkpoint.interval": 10**6,
        "default_hooks.checkpoint.save_optimizer": False,
    }  # fmt: skip


_IN_PROCESS = dict(num_workers=0, persistent_workers=False)


def measure(
    trial: Trial, data: Path, out: Path, minutes: float, weights: str | None, epochs: int | None
) -> Any:
    """Train and test once.

    Args:
        trial: the training.
        data: the converted data set.
        out: folder of the runs.
        minutes: CPU-minutes of training, times the set's ``budget``.
        weights: see ``options_of``.
        epochs: that fit the minutes, if they are known from another training of as many instances.

    Returns:
        The figures.
    """
    labels = json.loads((data / "annotations/train.json").read_text(encoding="utf-8"))["annotations"]
    available = sum(one.get("num_keypoints", 1) > 0 and not one.get("iscrowd") for one in labels)
    if trial.rows > available:
        raise BadInputError("too few labels", where=str(data), expected=f"{trial.rows}", found=str(available))
    recipe = Recipe(
        trial.name, ROOT / "configs/custom_mobilenetv2.py", data, out / trial.name,
        Budget(minutes=minutes * SETS[trial.data].budget, clock="cpu"), trial.seed,
        options_of(trial, available, weights), skip_bad=False, from_scratch=trial.start == "scratch",
    )  # fmt: skip
    epochs = epochs or in_fresh_process(recipe.epochs)
    row = in_fresh_process(recipe.run, "", epochs)
    numbers = row["numbers"]
    kept = {key: numbers.get(key) for key in ("EPE", "RMSE", "AP", "PCK@0.05", "PCK@0.1")}
    return {**trial.__dict__, **kept, "epochs": row["epochs"], "planned": epochs, "tested": row["test"]}


def main() -> int:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description="Compare ImageNet weights with random ones on few labels.")
    parser.add_argument("--sources", type=Path, required=True, help="folder of the four data sets")
    parser.add_argument("--weights", help="file of MobileNetV2's ImageNet weights (torchvision's address)")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/pretrained"), help="folder (%(default)s)")
    parser.add_argument("--cpu-minutes", type=float, default=1.5, help="of each training (%(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS), help="data sets (all)")
    parser.add_argument(
        "--stop-after", type=float, default=float("inf"), metavar="MINUTES", help="start no more"
    )
    args = parser.parse_args()

    def work() -> int:
        start, kept = time.monotonic(), args.out / "pretrained.json"
        rows = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
        planned = {(v["data"], v["rows"]): v["planned"] for v in rows.values()}
        for trial in trials(args.only, args.seeds):
            if trial.name in rows:
                continue
            if time.monotonic() - start > 60 * args.stop_after:
                break
            data = args.out / "data" / trial.data
            if not data.is_dir():
                told = SETS[trial.data]
                convert(args.sources / told.source, data, checks=False, **told.arguments)
            epochs = planned.get((trial.data, trial.rows))
            row = measure(trial, data, args.out, args.cpu_minutes, args.weights, epochs)
            rows[trial.name] = row
            planned[trial.data, trial.rows] = row["planned"]
            replace_text(kept, json.dumps(rows, indent=1) + "\n")
            found = summary(rows, list(SETS))
            replace_text(args.out / "pretrained.md", tables(found))
            print(f"{trial.name}: {row['EPE']:.2f} px, AP {row['AP']}, {row['epochs']:g} epochs", flush=True)
        print(tables(summary(rows, list(SETS))))
        return 0

    return run(work)


if __name__ == "__main__":
    sys.exit(main())
