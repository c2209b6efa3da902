"""Compare several recipes on one dataset with one budget, in one table."""

import json
import logging
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from kpplugins.apis.comparison.behind_detector import tested_behind
from kpplugins.apis.comparison.budget import Budget
from kpplugins.apis.comparison.cost import costs
from kpplugins.apis.comparison.evidence import comparison_evidence, evidence_in_words
from kpplugins.apis.comparison.recipe import Recipe
from kpplugins.apis.comparison.result_row import result_row
from kpplugins.config.source import file_of
from kpplugins.curation.convert import group_of
from kpplugins.evaluation.limits import limits_in_words
from kpplugins.storage.files import is_folder
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path
from kpplugins.structures.model_kind import TOP_DOWN
from kpplugins.structures.replaced_file import replace_text
from kpplugins.visualization.comparison import plot_comparison
from kpplugins.visualization.error_curves import ERRORS
from kpplugins.visualization.sheet import SHEET
from kpplugins.visualization.table import markdown_table

logger = logging.getLogger(__name__)
COLUMNS = (
    ("RMSE px", "RMSE", ".2f"), ("EPE px", "EPE", ".2f"), ("PCK@0.05", "PCK@0.05", ".3f"),
    ("PCK@0.1", "PCK@0.1", ".3f"), ("AP", "AP", ".3f"), ("boxes AP", "box/AP", ".3f"), ("missed", "missed", ".0f"),
)  # fmt: skip
"""Metrics of the test: heading, key, format; those that no recipe has are left out."""
NOTE = 200
"""Characters of an error shown in the table; ``compare.json`` has all of it, ``error.txt`` the traceback."""
SHOWN_FILES = {SHEET: "best, median and worst instances", ERRORS: "errors by keypoint"}
"""Images of a recipe's work dir on the page, and what they show."""
PLOTTED = "PCK@0.05"
"""The metric that is plotted over training time."""


def compare(
    configs: Sequence[str | Path],
    *,
    data: str | Path,
    out: str | Path,
    epochs: int | None = None,
    minutes: float | None = None,
    clock: str = "wall",
    seed: int = 0,
    names: Sequence[str] | None = None,
    cfg_options: dict[str, Any] | None = None,
    again: bool = False,
    skip_bad: bool = False,
    from_scratch: bool = False,
    detector: str | Path | None = None,
    seeds: int = 1,
    group_by: str | None = None,
) -> tuple[list[dict[str, Any]], str]:
    """Train recipes one after the other, test each on the test split, and write the results side by side.

    All recipes get the same split of the same data, the same seed and the same budget. With ``minutes``, a short probe
    times an epoch of each recipe; ``max_epochs``, and with it the schedules, is set to what fits, and
    ``TimeBudgetHook`` stops the training if it still takes too long. A recipe that fails becomes a row that says why.
    A recipe finished earlier with the same settled config, data, budget and seed is not trained again (a new version
    of the code or another machine goes unnoticed). Model size and time per image are always measured again, for all
    recipes in turn.

    Args:
        configs: the recipes' config files.
        data: the data folder that every dataset reads.
        out: folder for ``compare.md``, ``compare.json``, ``compare.png``, and the work dir of each recipe under its
            name.
        epochs: passes over the training data for each recipe.
        minutes: training time for each recipe, validation included, instead of ``epochs``.
        clock: ``wall``, or ``cpu`` for minutes of one processor core, which do not depend on the machine's other load.
        seed: of weights, order and augmentation.
        names: of the recipes. Default: the config files' names.
        cfg_options: values by dotted key that override those of every config.
        again: train finished recipes again.
        skip_bad: skip bad files and log how many and why, instead of stopping.
        from_scratch: leave out the pretrained weights that the configs name.
        detector: config of a detector that is trained with the same budget; every top-down recipe is then tested once
            more in the boxes that it finds, over whole images, as one-stage models are.
        seeds: trainings of each recipe, with ``seed`` and the numbers that follow it; from two on, the noise of
            training is told from that of the test.
        group_by: what test images that belong together have in common, for the intervals (see ``image_groups_of``).

    Returns:
        One row per recipe and seed, as in ``compare.json``; and the Markdown tables of the rows and of what is left of
        their differences.

    Raises:
        BadInputError: there is no such config or data folder, two recipes have the same name, the budget is not
            exactly one of ``epochs`` and ``minutes``, or images cannot be grouped.
    """
    budget, settings = Budget(epochs, minutes, clock), (dict(cfg_options or {}), skip_bad, from_scratch)
    if not isinstance(seeds, int) or seeds < 1:
        raise BadInputError("wrong number of seeds", where="--seeds", expected="≥ 1", found=repr(seeds))
    chosen = _named([file_of(config) for config in configs], names)
    if detector is not None:
        chosen |= _named([*chosen.values(), file_of(detector)], [*chosen, file_of(detector).stem])
    if not is_folder(as_path(data)):
        raise BadInputError("no such data folder", where=str(data))
    group_of(Path(), group_by)  # a faulty expression is told before anything is trained
    rows: list[dict[str, Any]] = []
    for recipe, name in _recipes(chosen, as_path(data), Path(out), budget, seed, seeds, settings):
        logger.info("recipe %d of %d: %s, %s", len(rows) + 1, len(chosen) * seeds, recipe.name, budget)
        rows.append({**result_row(recipe, again), "recipe": name, "seed": recipe.seed})
    _measure(rows, Path(out), as_path(data))
    if detector is not None:
        for number in range(seed, seed + seeds):
            of_seed = [row for row in rows if row["seed"] == number]
            rows += _pairs(of_seed, Path(out), as_path(data), skip_bad)
    evidence = comparison_evidence(rows, Path(out), as_path(data), COLUMNS, group_by)
    table = _table(rows) + evidence_in_words(evidence, COLUMNS)
    _write(
        Path(out), rows, table, evidence, {"data": str(data), "budget": budget, "seed": seed, "seeds": seeds}
    )
    return rows, table


def _recipes(
    chosen: dict[str, Path],
    data: Path,
    out: Path,
    budget: Budget,
    seed: int,
    seeds: int,
    settings: tuple[Any, ...],
) -> Iterator[tuple[Recipe, str]]:
    """Give each recipe of each seed, with its name without the seed."""
    for name, config in chosen.items():
        for number in range(seed, seed + seeds):
            own = name if seeds == 1 else f"{name}_seed{number}"
            yield Recipe(own, config, data, out / own, budget, number, *settings), name


def _named(configs: list[Path], names: Sequence[str] | None) -> dict[str, Path]:
    """Return the config files by the recipes' names."""
    if names is not None and len(names) != len(configs):
        raise BadInputError(
            "each recipe needs one name",
            where="names",
            expected=str(len(configs)),
            found=str(len(names)),
        )
    chosen: dict[str, Path] = {}
    for name, config in zip(names or [config.stem for config in configs], configs, strict=True):
        if name in chosen:
            raise BadInputError(f"two recipes named {name!r}", todo="give each a name: --names A B …")
        if not name or Path(name).name != name:
            raise BadInputError("a name must be a valid folder name", where="names", found=repr(name))
        chosen[name] = config
    if not chosen:
        raise BadInputError("no recipe to compare", where="configs")
    return chosen


def _measure(rows: list[dict[str, Any]], out: Path, data: Path) -> None:
    """Add model size and time per image to the rows of finished recipes."""
    done = [row for row in rows if "error" not in row]
    runs = [(out / r["name"] / Path(r["config"]).name, out / r["name"] / r["checkpoint"]) for r in done]
    measured = costs(runs, data)
    for row, values in zip(done, measured, strict=True):
        row.update(values)


def _pairs(rows: list[dict[str, Any]], out: Path, data: Path, skip_bad: bool) -> list[dict[str, Any]]:
    """Return a row for each finished top-down recipe in the boxes of the detector, which is the last row."""
    *recipes, detector = rows
    if "error" in detector:
        return []
    pairs = []
    for row in recipes:
        if row.get("kind") != TOP_DOWN:
            continue
        of = {"recipe": f"{row['recipe']}_behind_{detector['recipe']}", "seed": row["seed"]}
        try:
            pairs.append({**tested_behind(row, detector, out, data, skip_bad), **of})
        except Exception as error:  # whatever it is, the other rows are kept
            logger.warning("%s behind %s", row["name"], detector["name"], exc_info=True)
            words = f"{type(error).__name__}: {' '.join(str(error).split())}"
            pairs.append({"name": f"{row['name']}_behind_{detector['name']}", "error": words, **of})
    return pairs


def _table(rows: list[dict[str, Any]]) -> str:
    done = [row["numbers"] for row in rows if "error" not in row]
    columns = [c for c in COLUMNS if not done or any(_number(n, c[1]) is not None for n in done)]
    header = [
        "recipe", *(heading for heading, _, _ in columns), "parameters M", "multiply-adds G", "training images/s",
        "ms an image", "epochs", "minutes", "note",
    ]  # fmt: skip
    return markdown_table(header, [_cells(row, columns, len(header)) for row in rows])


def _number(numbers: dict[str, Any], key: str) -> float | None:
    """Return a metric, whatever prefix its evaluator gives it; a box's is not a keypoint's."""
    found = (v for k, v in numbers.items() if k.endswith("/" + key) and not k.startswith("box/"))
    return numbers.get(key, next(found, None))


def _cells(row: dict[str, Any], columns: Sequence[tuple[str, str, str]], width: int) -> list[str]:
    if "error" in row:
        words = row["error"] if len(row["error"]) <= NOTE else row["error"][:NOTE] + " …"
        return [row["name"], *["-"] * (width - 2), "failed: " + words.replace("|", "\\|")]
    notes = [row["note"]] if "note" in row else []
    if row["stopped"]:
        notes.append(f"stopped by the clock, {row['max_epochs']} epochs were planned")
    elif row["epochs"] is not None and round(row["epochs"]) < row["max_epochs"]:
        notes.append(f"stopped early, {row['max_epochs']} epochs were planned")
    return [
        row["name"],
        *(_text(_number(row["numbers"], key), form) for _, key, form in columns),
        _text(row.get("parameters"), ".2f", 1e6),
        _text(row.get("multiply_adds"), ".3f", 1e9),
        _text(row["images_per_second"], ".1f"),
        _text(row.get("milliseconds"), ".1f"),
        _text(row["epochs"], ".4g"),
        _text(row["minutes"], ".1f"),
        "; ".join(notes).replace("|", "\\|"),
    ]


def _text(value: float | None, form: str, unit: float = 1.0) -> str:
    return "-" if value is None else format(value / unit, form)


def _write(
    out: Path, rows: list[dict[str, Any]], table: str, evidence: dict[str, Any], made: dict[str, Any]
) -> None:
    """Write ``compare.json``, ``compare.md`` and ``compare.png``."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else _processor()
    machine = f"{device}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    done = [row for row in rows if "error" not in row]
    same = len({row["test"]["digest"] for row in done if row["test"]}) <= 1
    content = {
        **made, "budget": asdict(made["budget"]), "machine": machine, "same_test": same, "recipes": rows, **evidence,
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    replace_text(out / "compare.json", json.dumps(content, indent=1) + "\n")
    counts = sorted({row["test"]["instances"] for row in done if row["test"]})
    lines = [
        f"Data {made['data']}, {made['budget']}, {_seeds(made)}; tested on {' or '.join(map(str, counts)) or 'no'} "
        f"instances. Machine: {machine}.",
        "Minutes: the whole training run, including start and validation. Multiply-adds: without flip test. ms an "
        "image: one input at a time, flip test as configured, all models in turn. An input is one instance for a model "
        "of keypoints in given boxes, a whole image for all others.",
    ]
    if not same:
        lines.append(
            "**Not all were tested on the same keypoints of the same images: do not compare their errors.**"
        )
    shown = "".join(_section(row, out) for row in done if row.get("limits"))
    replace_text(out / "compare.md", table + "\n" + "\n\n".join(lines) + "\n" + shown)
    plot_comparison(
        out / "compare.png",
        {r["name"]: (r["pck"]["thresholds"], r["pck"]["values"]) for r in done if r["pck"]},
        {r["name"]: (r["training"]["minutes"], r["training"]["loss"]) for r in done if r["training"]["loss"]},
        {
            r["name"]: (r["validation"]["minutes"], r["validation"][PLOTTED])
            for r in done
            if PLOTTED in r["validation"]
        },
        PLOTTED,
    )


def _seeds(made: dict[str, Any]) -> str:
    first, last = made["seed"], made["seed"] + made["seeds"] - 1
    return f"seed {first}" if first == last else f"seeds {first} to {last}"


def _section(row: dict[str, Any], out: Path) -> str:
    """Return what the page shows of a recipe: what limits it, images with truth and prediction, error curves."""
    name = row["name"]
    words = "".join(f"- {sentence}\n" for sentence in limits_in_words(row["limits"]))
    there = [file for file in SHOWN_FILES if (out / name / file).is_file()]
    images = [f"![{name}: {SHOWN_FILES[file]}]({name}/{file})\n" for file in there]
    return "\n".join(["", f"## {name}", "", *([words] if words else []), *images])


def _processor() -> str:
    return platform.processor() or platform.machine()
