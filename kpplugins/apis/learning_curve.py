"""What more labels would bring: train on parts of the data, and go on from there."""

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmpose.registry import DATASETS

from kpplugins.apis.comparison.budget import Budget
from kpplugins.apis.comparison.recipe import Recipe
from kpplugins.apis.comparison.result_row import result_row
from kpplugins.apis.learning.nested_parts import nested_parts
from kpplugins.apis.learning.power_law import PowerLaw, PredictedError
from kpplugins.apis.statistics.image_groups import image_groups_of
from kpplugins.config.load import load_config
from kpplugins.config.source import file_of
from kpplugins.storage.files import is_folder
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path, spelled
from kpplugins.structures.replaced_file import replace_text
from kpplugins.visualization.learning_curve import plot_learning_curve
from kpplugins.visualization.table import markdown_table

logger = logging.getLogger(__name__)
FRACTIONS = (0.125, 0.25, 0.5, 1.0)
NAME = "learning_curve"
"""Of the files: ``.md``, ``.json`` and ``.png``."""
_RISING = ("AP", "AR", "PCK")
"""Begin of the names of numbers whose error is what is missing to 1."""


@dataclass(frozen=True)
class _Point:
    """A training on a part of the training split."""

    fraction: float
    samples: int
    seed: int
    error: float | None
    row: dict[str, Any]


def learning_curve(
    config: str | Path,
    *,
    data: str | Path,
    out: str | Path,
    epochs: int | None = None,
    minutes: float | None = None,
    clock: str = "wall",
    fractions: Sequence[float] = FRACTIONS,
    seeds: int = 1,
    seed: int = 0,
    metric: str = "EPE",
    group_by: str | None = None,
    cfg_options: dict[str, Any] | None = None,
    again: bool = False,
    skip_bad: bool = False,
    from_scratch: bool = False,
) -> tuple[dict[str, Any], str]:
    """Train a config on nested parts of its training split, and predict the error with twice the labels.

    Every part is trained for as many steps as the whole split: ``epochs`` are passes over the whole split, and a part
    of an eighth gets eight times as many; validations, too, are as many. What differs then is the labels alone, and not
    how long was trained. With ``minutes``, each gets the same time. All are tested on the whole test split. A training
    that is finished is not done again.

    Args:
        config: the config file.
        data: the data folder that every dataset reads.
        out: folder for ``learning_curve.md``, ``.json`` and ``.png``, and the work dir of each training.
        epochs: passes over the whole training split, in steps of which each part gets as many.
        minutes: training time of each, validation included, instead of ``epochs``.
        clock: ``wall``, or ``cpu`` for minutes of one processor core.
        fractions: parts of the training split, at least three.
        seeds: trainings on each part, with other weights and other samples in the part.
        seed: the first of them.
        metric: number of the test whose error is followed; of AP, AR and PCK it is what is missing to 1.
        group_by: what training images that belong together have in common (see ``image_groups_of``).
        cfg_options: values by dotted key that override the config's.
        again: train finished parts again.
        skip_bad: skip bad files.
        from_scratch: leave out the pretrained weights that the config names.

    Returns:
        The content of ``learning_curve.json``: ``metric``, ``points`` (``fraction``, ``samples``, ``seed``, ``error``,
        ``work_dir``, or why it failed), ``parameters`` (low end, median and high end of b and c), ``twice``
        (``samples``, ``error``, ``low`` and ``high``), and ``check``: what the smaller parts predict for the largest,
        and what was measured. Then the Markdown table and sentences.

    Raises:
        BadInputError: no such config or folder; fractions that are none, or fewer than three; too few groups or points;
            a training split that is made of several.
    """
    budget, fractions = Budget(epochs, minutes, clock), _checked(fractions)
    if not isinstance(seeds, int) or seeds < 1:
        raise BadInputError("wrong number of seeds", where="--seeds", expected="≥ 1", found=repr(seeds))
    if not is_folder(as_path(data)):
        raise BadInputError("no such data folder", where=spelled(data))
    base = Recipe(
        "all", file_of(config), as_path(data), Path(out), budget, seed, dict(cfg_options or {}), skip_bad, from_scratch,
    )  # fmt: skip
    groups, interval, batch = _training(base, group_by)
    points = []
    for number in range(seed, seed + seeds):
        for fraction, part in zip(fractions, nested_parts(groups, fractions, number), strict=True):
            recipe = _recipe(base, part, len(groups), number, interval, batch)
            logger.info("%s: %d of %d samples, %s", recipe.name, len(part), len(groups), recipe.budget)
            row = result_row(recipe, again)
            points.append(_Point(fraction, len(part), number, _error(row, metric), row))
    _require_sizes(points, Path(out))
    content = _content(
        points, metric, {"config": str(base.config), "data": spelled(base.data), "group_by": group_by}
    )
    content |= {"budget": asdict(budget)}
    text = _text(content)
    _write(Path(out), content, text)
    return content, text


def _checked(fractions: Sequence[float]) -> list[float]:
    """Return the fractions in ascending order."""
    found = sorted(set(map(float, fractions)))
    if len(found) < 3 or not all(0 < fraction <= 1 for fraction in found):
        raise BadInputError(
            "wrong fractions of the training split", where="--fractions", found=", ".join(f"{f:g}" for f in found),
            expected="three or more different ones above 0, at most 1",
        )  # fmt: skip
    return found


def _training(base: Recipe, group_by: str | None) -> tuple[list[str], int, int]:
    """Return the group of each training sample, and after how many epochs the config validates."""
    cfg = load_config(
        base.config, data=base.data, work_dir="-", cfg_options=base.cfg_options, skip_bad=base.skip_bad
    )
    stated = cfg.train_dataloader.dataset
    if (
        stated.get("dataset") is not None
        or stated.get("datasets") is not None
        or stated.get("indices") is not None
    ):
        raise BadInputError(
            "the training split is made of several, or of a part", where="train_dataloader.dataset", found=stated.type,
            expected="one dataset without `indices`", todo="convert the data into one folder: kpplugins dataset merge",
        )  # fmt: skip
    dataset = DATASETS.build({**stated, "pipeline": []})
    dataset.full_init()
    images = [str(dataset.get_data_info(i)["img_path"]) for i in range(len(dataset))]
    interval, batch = cfg.train_cfg.get("val_interval", 1), cfg.train_dataloader.get("batch_size", 1)
    return image_groups_of(images, group_by, dataset), int(interval), int(batch)


def _recipe(base: Recipe, part: list[int], whole: int, seed: int, interval: int, batch: int) -> Recipe:
    """Return the training on a part, with as many steps, and validations, as on the whole."""
    times = math.ceil(whole / batch) / math.ceil(len(part) / batch)  # of the steps of an epoch
    budget = base.budget
    if budget.epochs is not None:
        budget = Budget(epochs=max(1, round(budget.epochs * times)))
    options = {
        **base.cfg_options, "train_dataloader.dataset.indices": part,
        "train_cfg.val_interval": max(1, round(interval * times)),
    }  # fmt: skip
    name = f"samples_{len(part)}_seed{seed}"
    return Recipe(
        name,
        base.config,
        base.data,
        base.work_dir / name,
        budget,
        seed,
        options,
        base.skip_bad,
        base.from_scratch,
    )


def _error(row: dict[str, Any], metric: str) -> float | None:
    """Return the error of a training by its row; ``None`` if it failed."""
    if "error" in row:
        return None
    value = row["numbers"].get(metric)
    if value is None or not math.isfinite(value):
        raise BadInputError(
            "the test has no such number", where="--metric", found=metric, expected=", ".join(row["numbers"])
        )
    rising = metric.rpartition("/")[2].startswith(_RISING)
    return 1 - float(value) if rising else float(value)


def _require_sizes(points: Sequence[_Point], out: Path) -> None:
    """Raise if so many trainings failed that there is no curve."""
    failed = [point.row for point in points if point.error is None]
    if failed and len({point.samples for point in points if point.error is not None}) < 3:
        raise BadInputError(
            "too few parts could be trained for a curve", where=str(out), expected="three or more sizes",
            found=f"{failed[0]['name']} failed: {failed[0]['error']}", todo="its error.txt has more",
        )  # fmt: skip


def _content(points: Sequence[_Point], metric: str, made: dict[str, Any]) -> dict[str, Any]:
    """Fit the law and return the content of the JSON file."""
    done = [point for point in points if point.error is not None]
    law = _law(done)
    largest = max(point.samples for point in done)
    smaller = [point for point in done if point.samples < largest]
    check = None
    if len({point.samples for point in smaller}) >= 3:
        measured = [point.error for point in done if point.samples == largest and point.error is not None]
        predicted = _law(smaller).predict(largest)
        held = [predicted.low <= error <= predicted.high for error in measured]
        check = {"predicted": asdict(predicted), "measured": measured, "held": held}
    listed = [
        {
            "fraction": point.fraction, "samples": point.samples, "seed": point.seed, "error": point.error,
            "work_dir": point.row["name"], **({"failed": point.row["error"]} if point.error is None else {}),
        }
        for point in points
    ]  # fmt: skip
    sizes = [largest * step for step in (1.0, 1.5, 2.0, 3.0, 4.0)]
    low = min(point.samples for point in done)
    shown = sorted({low * (largest / low) ** (i / 20) for i in range(21)} | set(sizes))
    return {
        **made, "metric": metric, "points": listed, "parameters": law.parameters,
        "twice": asdict(law.predict(2 * largest)), "check": check,
        "curve": [asdict(law.predict(samples)) for samples in shown],
    }  # fmt: skip


def _law(points: Sequence[_Point]) -> PowerLaw:
    samples = [point.samples for point in points]
    errors = [point.error for point in points if point.error is not None]
    return PowerLaw.fit(np.array(samples), np.array(errors))


def _text(content: dict[str, Any]) -> str:
    """Return the table and the sentences."""
    sizes: dict[int, list[dict[str, Any]]] = {}
    for point in content["points"]:
        sizes.setdefault(round(1e9 * point["fraction"]), []).append(point)
    rows = []
    for points in sizes.values():
        errors = [
            f"{p['error']:.4g}"
            if p["error"] is not None
            else f"failed: {p['failed'][:100]}".replace("|", "\\|")
            for p in points
        ]
        samples = sorted({point["samples"] for point in points})
        rows.append([f"{points[0]['fraction']:g}", " ".join(map(str, samples)), " ".join(errors)])
    what = error_name(content["metric"])
    table = markdown_table(["fraction", "training samples", what], rows)
    twice, check = PredictedError(**content["twice"]), content["check"]
    said = [f"With twice the labels ({twice.samples:.0f}): {what} {_in_words(twice)}."]
    b, c = content["parameters"]["b"], content["parameters"]["c"]
    said.append(
        f"Power law a·n^-b + c: b {b[1]:.2f} ({b[0]:.2f} to {b[2]:.2f}), c {c[1]:.3g} ({c[0]:.3g} to {c[2]:.3g})."
    )
    if check is not None:
        predicted = PredictedError(**check["predicted"])
        measured = " ".join(f"{error:.4g}" for error in check["measured"])
        held = "holds" if all(check["held"]) else "does not hold"
        said.append(
            f"Check: the smaller parts predict {_in_words(predicted)} for {predicted.samples:.0f}; "
            f"measured {measured}: the prediction {held}."
        )
    return table + "\n" + "\n".join(said) + "\n"


def error_name(metric: str) -> str:
    """Return the name of the error that a number has.

    Args:
        metric: key of the number.

    Returns:
        It, or ``1 - it`` where more is better.
    """
    return f"1 - {metric}" if metric.rpartition("/")[2].startswith(_RISING) else metric


def _in_words(prediction: PredictedError) -> str:
    return f"{prediction.error:.4g} ({prediction.low:.4g} to {prediction.high:.4g})"


def _write(out: Path, content: dict[str, Any], text: str) -> None:
    out.mkdir(parents=True, exist_ok=True)
    replace_text(out / f"{NAME}.json", json.dumps(content, indent=1) + "\n")
    replace_text(out / f"{NAME}.md", text + f"\n![learning curve]({NAME}.png)\n")
    points = [(p["samples"], p["error"]) for p in content["points"] if p["error"] is not None]
    curve = [(p["samples"], p["low"], p["error"], p["high"]) for p in content["curve"]]
    plot_learning_curve(out / f"{NAME}.png", points, curve, error_name(content["metric"]))
