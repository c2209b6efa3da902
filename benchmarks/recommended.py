"""The recommended config against shipped recipes on five sets with the same budget, in one table.

``python -m benchmarks.recommended --data DIR --out DIR`` compares them by ``kpplugins compare``. Finished trainings are
kept, so it may be stopped and started again, and done in parts: ``--sets faces mouse``.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kpplugins.apis.compare import compare
from kpplugins.apis.recommend import recommend
from kpplugins.commands._command import run
from kpplugins.curation.convert import convert
from kpplugins.structures.replaced_file import replace_text
from kpplugins.synthetic import write_sample_cats
from kpplugins.visualization.table import markdown_table

WITHIN = 0.05
"""What the recommended recipe may be worse than the best."""


@dataclass(frozen=True)
class Case:
    """One data set.

    Attributes:
        make: makes the folder to train on from the folder of real data; returns it.
        recipes: shipped recipes that have learnt something after the budget.
        options: for all of them.
        measure: of the test, that decides.
        boxes: boxes are given.
    """

    make: Callable[[Path, Path], Path]
    recipes: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    measure: str = "EPE"
    boxes: bool = False


def _converted(name: str, **options: Any) -> Callable[[Path, Path], Path]:
    def make(real: Path, out: Path) -> Path:
        folder = out / "data"
        if not (folder / "report.json").is_file():
            convert(real / name, folder, **options)
        return folder

    return make


def _cats(real: Path, out: Path) -> Path:
    folder = out / "data"
    if not folder.is_dir():
        write_sample_cats(folder, 400, seed=0)
    return folder


CASES = {
    "faces": Case(
        lambda real, out: real / "kaggle_faces",
        ("facial_heatmap", "facial_resnet18_fc", "custom_hourglass_small"), {"dataset_type": "KaggleFacialDataset"},
    ),
    "mouse": Case(
        _converted("openfield_dlc", ratios=(70, 10, 20)), ("custom_hourglass_small", "custom_rtmpose_t"),
    ),
    "cats": Case(_cats, ("cat_hourglass_sample", "custom_rtmpose_t"), {"dataset_type": "CatDataset"}),
    "persons": Case(
        lambda real, out: real / "coco_mini", ("custom_hourglass_small", "custom_rtmpose_t"),
        {"dataset_type": "CocoPersonDataset"}, boxes=True,
    ),
    "tubes": Case(
        _converted("glue_tubes", names=["head", "tail"], category="glue_tube", ratios=(70, 12, 18)),
        ("custom_centernet", "glue_tubes_centernet", "glue_tubes_keypoint_rcnn_mobilenet"), measure="AP",
    ),
}  # fmt: skip


def compared(name: str, real: Path, out: Path, minutes: float) -> dict[str, Any]:
    """Compare the recommended recipe of one set with the shipped ones.

    Args:
        name: of the set.
        real: folder of real data.
        out: folder for everything.
        minutes: of one processor core, for each recipe.

    Returns:
        ``rows`` of ``compare``, the ``measure``, and what was recommended.
    """
    case, folder = CASES[name], out / name
    folder.mkdir(parents=True, exist_ok=True)
    data, config, said = case.make(real, folder), folder / "recommended.py", folder / "recommended.json"
    if not said.is_file():  # else its trainings would not be those that are finished
        found = recommend(data, minutes=minutes, clock="cpu", boxes=case.boxes, out=config)
        replace_text(said, json.dumps(found.to_json(), indent=1) + "\n")
    shipped = [f"kpplugins::{recipe}.py" for recipe in case.recipes]
    rows, _ = compare(
        [config, *shipped], data=data, out=folder / "compared", minutes=minutes, clock="cpu",
        names=["recommended", *case.recipes], cfg_options=case.options, from_scratch=True,
    )  # fmt: skip
    return {"rows": rows, "measure": case.measure, "said": json.loads(said.read_text())}


def table_of(results: dict[str, dict[str, Any]]) -> str:
    """Return the table of all sets.

    Args:
        results: of ``compared``, by set.

    Returns:
        Markdown.
    """
    header = ["set", "recipe", "EPE px", "keypoint AP", "training images/s", "epochs", "against the best"]
    body = []
    for name, result in results.items():
        worth = {row["name"]: _measured(row, result["measure"]) for row in result["rows"]}
        known = [value for value in worth.values() if value is not None]
        falls = result["measure"] == "EPE"
        best = min(known) if falls else max(known)
        for row in result["rows"]:
            value, own = worth[row["name"]], row["name"] == "recommended"
            label = f"**recommended**: {result['said']['recipe']}" if own else row["name"]
            if value is None:
                body.append([name if own else "", label, "-", "-", "-", "-", row.get("error", "")[:80]])
                continue
            worse = value / best - 1 if falls else 1 - value / max(best, 1e-6)
            verdict = "best" if value == best else f"{worse:.1%} worse ({result['measure']})"
            good = worse <= WITHIN
            body.append([
                name if own else "", label, f"{_measured(row, 'EPE'):.2f}", f"{_measured(row, 'AP'):.3f}",
                f"{row['images_per_second']:.1f}", f"{row['epochs']:.3g}", verdict + (" ✓" if own and good else ""),
            ])  # fmt: skip
    return markdown_table(header, body)


def _measured(row: dict[str, Any], key: str) -> float | None:
    numbers = row.get("numbers") or {}
    found = [
        v for k, v in numbers.items() if k == key or (k.endswith("/" + key) and not k.startswith("box/"))
    ]
    return found[0] if found else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the real sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for data, runs and recommended.md")
    parser.add_argument("--cpu-minutes", type=float, default=1.5, help="for each recipe (%(default)s)")
    parser.add_argument("--sets", nargs="+", choices=CASES, default=list(CASES), help="only some of them")
    args = parser.parse_args()

    def work() -> int:
        for name in args.sets:
            result = compared(name, args.data, args.out, args.cpu_minutes)
            replace_text(args.out / f"{name}.json", json.dumps(result) + "\n")
        kept = {name: args.out / f"{name}.json" for name in CASES}
        results = {name: json.loads(file.read_text()) for name, file in kept.items() if file.is_file()}
        table = table_of(results)
        replace_text(args.out / "recommended.md", table)
        print(table, end="")
        return 0

    return run(work)


if __name__ == "__main__":
    sys.exit(main())
