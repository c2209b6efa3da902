"""What the choice of the next images to label is worth: python -m benchmarks.next_labels --sources DIR.

A set with labels plays the pool: a few images are labelled, a model is trained on them, chooses the next ones, is
trained again on all, and so on. Every way to choose starts from the same images, and every training is of a small
hourglass from random weights, in the same CPU-minutes, without validation, and tested on the same held-out images. The
program may be stopped at any time; started again, it goes on with the next training.
"""

import argparse
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.pretrained import SETS, unvalidated
from kpplugins.apis.comparison.budget import Budget
from kpplugins.apis.comparison.fresh_process import in_fresh_process
from kpplugins.apis.comparison.recipe import Recipe
from kpplugins.apis.labelling.appraisal import appraise
from kpplugins.apis.labelling.selection import WAYS, choose_images
from kpplugins.commands._command import run
from kpplugins.curation.check import material_of
from kpplugins.curation.checks.images.duplicates import alike_groups
from kpplugins.curation.convert import convert
from kpplugins.formats.open_source import open_source
from kpplugins.inference.predictor import Predictor
from kpplugins.structures.replaced_file import replace_text, replaced_file
from kpplugins.visualization.table import markdown_table

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "configs/custom_hourglass_small.py"
SIZES = {"faces": (50, 100, 200, 400), "persons": (8, 12, 18, 26)}
"""Numbers of labelled images; the first ones are chosen by chance."""
SMALL = {"input_size": (64, 64), "model.backbone.channels": 32, "model.head.in_channels": 32}
"""What makes the network so small that a training fits half a CPU-minute."""
_START = "start"


@dataclass(frozen=True)
class Step:
    """One training of the simulation.

    Attributes:
        data: key of ``SIZES``.
        way: of ``WAYS``, or ``start`` for the first one, which all share.
        images: how many are labelled.
        seed: of the first images, of every choice and of every training.
    """

    data: str
    way: str
    images: int
    seed: int

    @property
    def name(self) -> str:
        """Return its name in the results."""
        return f"{self.data}-{self.seed}-{self.images}-{self.way}"

    def before(self) -> "Step":
        """Return the step that chooses the images of this one."""
        sizes = SIZES[self.data]
        smaller = sizes[sizes.index(self.images) - 1]
        return Step(self.data, _START if smaller == sizes[0] else self.way, smaller, self.seed)


def steps(names: Sequence[str], seeds: int) -> Iterator[Step]:
    """List the trainings; of each seed those of all ways before the next seed.

    Args:
        names: keys of ``SIZES``.
        seeds: how many.

    Yields:
        Each training once, behind the one that it starts from.
    """
    for seed in range(seeds):
        for data in names:
            first, *others = SIZES[data]
            yield Step(data, _START, first, seed)
            yield from (Step(data, way, images, seed) for images in others for way in WAYS)


class Pool:
    """The training images of a converted set, as if nobody had labelled them.

    Args:
        folder: the converted set.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        _, reading = open_source(folder)
        material = material_of(folder, "coco", reading)
        records = [r for r in reading.records if reading.splits.get(r.image) == "train"]
        kept = [r for r in records if r.num_labelled and not r.crowd]
        rows: dict[Path, list[int]] = defaultdict(list)
        for i, record in enumerate(kept):
            rows[record.image].append(i)
        self.images = list(rows)
        self.instances = [rows[path] for path in self.images]
        self.boxes = [np.array([kept[i].bbox for i in rows[path]]) for path in self.images]
        home = {path: i for i, path in enumerate(self.images)}
        self.groups = list(range(len(self.images)))
        for places in alike_groups(material):
            own = [home[p] for p in (material.looks.paths[i] for i in places) if p in home]
            for i in own:
                self.groups[i] = own[0]

    def chosen(self, step: Step, labelled: Sequence[int], checkpoint: Path | None) -> list[int]:
        """Return the images that are labelled for a step, as indices.

        Args:
            step: the step.
            labelled: those of the step before.
            checkpoint: its model; ``None`` for the first step.

        Returns:
            Those before and the new ones.
        """
        if checkpoint is None:
            return np.random.default_rng(step.seed).permutation(len(self.images))[: step.images].tolist()
        taken = {self.groups[i] for i in labelled}
        rest = [i for i in range(len(self.images)) if self.groups[i] not in taken]
        features, unsureness = np.zeros((len(rest), 1)), np.zeros(len(rest))
        if step.way != "random":
            seen = appraise(
                Predictor(checkpoint), [self.images[i] for i in rest], [self.boxes[i] for i in rest]
            )
            features, unsureness = seen.features, seen.unsureness
        new = choose_images(
            features, unsureness, [self.groups[i] for i in rest], step.images - len(labelled), way=step.way,
            seed=step.seed,
        )  # fmt: skip
        return [*labelled, *(rest[i] for i in new)]


def measure(step: Step, pool: Pool, rows: dict[str, Any], out: Path, minutes: float) -> Any:
    """Choose the images of a step, train on them and test.

    Args:
        step: the step.
        pool: its images.
        rows: figures of the steps before by name.
        out: folder of the runs.
        minutes: CPU-minutes of training.

    Returns:
        The figures.
    """
    labelled: list[int] = []
    checkpoint = None
    if step.way != _START:
        before = rows[step.before().name]
        labelled = before["labelled"]
        checkpoint = out / before["name"] / before["checkpoint"]
    labelled = in_fresh_process(pool.chosen, step, labelled, checkpoint)
    options = {
        **unvalidated([i for image in labelled for i in pool.instances[image]], SETS[step.data].tested),
        **SMALL,
    }
    recipe = Recipe(
        step.name, CONFIG, pool.folder, out / step.name, Budget(minutes=minutes, clock="cpu"), step.seed, options,
        skip_bad=False,
    )  # fmt: skip
    same = [r["planned"] for r in rows.values() if (r["data"], r["images"]) == (step.data, step.images)]
    epochs = same[0] if same else in_fresh_process(recipe.epochs)
    row = in_fresh_process(recipe.run, "", epochs)
    numbers = {key: row["numbers"].get(key) for key in ("EPE", "NME", "PCK@0.05", "PCK@0.1", "AP")}
    told = {"name": step.name, "checkpoint": row["checkpoint"], "labelled": labelled, "planned": epochs}
    return {**step.__dict__, **numbers, **told, "epochs": row["epochs"]}


def table(rows: dict[str, Any], names: Sequence[str]) -> str:
    """Write mean and spread of the errors as Markdown.

    Args:
        rows: figures by name.
        names: data sets.

    Returns:
        The table: mean error in pixels ± standard deviation over the seeds, and in how many seeds it is below that of
        chance.
    """
    lines = []
    for data in names:
        for images in SIZES[data][1:]:
            cells = [data, images]
            for way in WAYS:
                own = _errors(rows, data, images, way)
                chance = _errors(rows, data, images, "random")
                both = [seed for seed in own if seed in chance]
                spread = f" ± {statistics.stdev(own.values()):.2f}" if len(own) > 1 else ""
                better = sum(own[seed] < chance[seed] for seed in both)
                told = "" if way == "random" or not both else f" ({better} of {len(both)})"
                cells.append(f"{statistics.fmean(own.values()):.2f}{spread}{told}" if own else "-")
            lines.append([*cells, len(_errors(rows, data, images, "random"))])
    heads = [f"{way} px" + ("" if way == "random" else " (better than random)") for way in WAYS]
    return markdown_table(["data", "labelled images", *heads, "seeds"], lines)


def _errors(rows: dict[str, Any], data: str, images: int, way: str) -> dict[int, float]:
    """Return the error of each seed."""
    asked = (data, images, _START if images == SIZES[data][0] else way)
    return {r["seed"]: r["EPE"] for r in rows.values() if (r["data"], r["images"], r["way"]) == asked}


def plot(rows: dict[str, Any], names: Sequence[str], path: Path) -> None:
    """Draw the error over the number of labelled images, a line each way, a dot each seed.

    Args:
        rows: figures by name.
        names: data sets.
        path: the PNG.
    """
    shown = [data for data in names if any(r["data"] == data for r in rows.values())]
    figure = Figure(figsize=(6 * len(shown), 4), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(shown)))
    for axis, data in zip(axes, shown, strict=True):
        for way in WAYS:
            found = {n: _errors(rows, data, n, way) for n in SIZES[data]}
            found = {n: errors for n, errors in found.items() if errors}
            (line,) = axis.plot(
                list(found), [statistics.fmean(e.values()) for e in found.values()], label=way
            )
            for n, errors in found.items():
                axis.scatter([n] * len(errors), list(errors.values()), s=12, color=line.get_color())
        axis.set(title=data, xlabel="labelled images", ylabel="mean error, px", xscale="log")
        axis.set_xticks(SIZES[data], [str(n) for n in SIZES[data]])
        axis.minorticks_off()
        axis.legend()
    with replaced_file(path) as aside:
        figure.savefig(aside, dpi=110)


def main() -> int:
    """Run the simulation."""
    parser = argparse.ArgumentParser(
        description="Simulate what the choice of the next images to label is worth."
    )
    parser.add_argument("--sources", type=Path, required=True, help="folder with kaggle_faces and coco_mini")
    parser.add_argument(
        "--out", type=Path, default=Path("work_dirs/next_labels"), help="folder (%(default)s)"
    )
    parser.add_argument("--cpu-minutes", type=float, default=0.2, help="of each training (%(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--only", nargs="+", choices=SIZES, default=list(SIZES), help="data sets (all)")
    parser.add_argument(
        "--stop-after", type=float, default=float("inf"), metavar="MINUTES", help="start no more"
    )
    args = parser.parse_args()

    def work() -> int:
        start, kept = time.monotonic(), args.out / "next_labels.json"
        rows = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
        pools: dict[str, Pool] = {}
        for step in steps(args.only, args.seeds):
            if step.name in rows:
                continue
            if time.monotonic() - start > 60 * args.stop_after:
                break
            if step.data not in pools:
                folder, told = args.out / "data" / step.data, SETS[step.data]
                if not folder.is_dir():
                    convert(args.sources / told.source, folder, checks=False, **told.arguments)
                pools[step.data] = Pool(folder)
            row = measure(step, pools[step.data], rows, args.out, args.cpu_minutes)
            rows[step.name] = row
            replace_text(kept, json.dumps(rows) + "\n")
            replace_text(args.out / "next_labels.md", table(rows, list(SIZES)))
            plot(rows, list(SIZES), args.out / "next_labels.png")
            print(f"{step.name}: {row['EPE']:.2f} px, {row['epochs']:g} epochs", flush=True)
        print(table(rows, list(SIZES)))
        return 0

    return run(work)


if __name__ == "__main__":
    sys.exit(main())
