"""Vary settings of a config, train each variant with the same budget, and keep the best."""

import json
import logging
import math
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mmengine.config import Config

from kpplugins.apis.comparison.budget import Budget
from kpplugins.apis.comparison.recipe import ROW, Recipe
from kpplugins.apis.comparison.result_row import result_row
from kpplugins.apis.sweeping.parameter import Parameter, parse_space
from kpplugins.apis.sweeping.study import Study
from kpplugins.config.config_text import config_text, merged, nested
from kpplugins.config.load import load_config
from kpplugins.config.rules import RULES
from kpplugins.config.source import file_of
from kpplugins.engine.guards.validation_rank import rule_of
from kpplugins.storage.files import is_folder
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path, spelled
from kpplugins.structures.file_lock import FileLock
from kpplugins.structures.replaced_file import replace_text
from kpplugins.visualization.curves import read_scalars
from kpplugins.visualization.table import markdown_table

logger = logging.getLogger(__name__)
BEST, TABLE, RESULTS, LOCK = "best.py", "sweep.md", "sweep.json", ".sweep.lock"


def sweep(
    config: str | Path,
    space: Sequence[str],
    *,
    data: str | Path,
    out: str | Path,
    trials: int,
    epochs: int | None = None,
    minutes: float | None = None,
    clock: str = "wall",
    metric: str | None = None,
    seed: int = 0,
    cfg_options: dict[str, Any] | None = None,
    skip_bad: bool = False,
    from_scratch: bool = False,
) -> tuple[list[dict[str, Any]], str]:
    """Train variants of a config one after the other; Optuna's TPE chooses the values.

    A trial is a training as ``compare`` makes it, in a work dir of its own. Called again with the same settings, it
    goes on where it was stopped: finished trials are kept, and the one that was running is trained again with its
    values. More ``trials`` add to those that there are. The best is chosen on the val split; the test split decides
    nothing.

    Args:
        config: the config file.
        space: what is varied: ``NAME=log:LOW:HIGH``, ``NAME=lin:LOW:HIGH``, ``NAME=int:LOW:HIGH``, ``NAME=one:A|B``,
            where a name is a special name (docs/configs.md) or a dotted key.
        data: the data folder that every dataset reads.
        out: folder for ``sweep.md``, ``sweep.json``, ``best.py``, and the work dir of each trial.
        trials: how many, those of earlier calls included.
        epochs: passes over the training data for each.
        minutes: training time for each, validation included, instead of ``epochs``.
        clock: ``wall``, or ``cpu`` for minutes of one processor core.
        metric: of the validation, that decides. Default: ``save_best`` of the config.
        seed: of the suggestions, and of every training.
        cfg_options: values by dotted key that override the config's in every trial.
        skip_bad: skip bad files.
        from_scratch: leave out the pretrained weights that the config names.

    Returns:
        One row per trial: ``number``, ``values``, ``value`` (of the metric; ``None`` if it failed), ``epochs``,
        ``minutes``, ``work_dir``, ``error``; and the Markdown table, best first.

    Raises:
        BadInputError: see ``parse_space``, ``load_config`` (with both ends of every range) and ``Budget``; no val
            split; another sweep in ``out``, or one that is running.
    """
    out, budget, parameters = Path(out), Budget(epochs, minutes, clock), parse_space(space)
    if not isinstance(trials, int) or trials < 1:
        raise BadInputError("wrong number of trials", where="--trials", expected="≥ 1", found=repr(trials))
    if not is_folder(as_path(data)):
        raise BadInputError("no such data folder", where=spelled(data))
    base = Recipe(
        "trial",
        file_of(config),
        as_path(data),
        out,
        budget,
        seed,
        dict(cfg_options or {}),
        skip_bad,
        from_scratch,
    )
    key, falls = _decided_by(_checked(base, parameters), metric)
    made_from = {
        "config, data or budget": base.fingerprint(), "space": list(map(str, parameters)), "metric": key, "seed": seed,
    }  # fmt: skip
    with FileLock(
        out / LOCK, what="a sweep is running here", where=str(out), todo="wait for it, or give another folder"
    ):
        study = Study(out, parameters, made_from, seed, falls)
        rows = study.rows()
        while len(rows) < trials:
            trial, values = study.ask(len(rows))
            logger.info("trial %d of %d: %s, %s", len(rows) + 1, trials, _in_words(values), budget)
            study.tell(trial, _tried(base, len(rows), values, key, falls))
            rows = study.rows()
            _write(out, base, rows, key, falls)
        _write(out, base, rows, key, falls)
    return rows, _table(rows, key, falls)


def _checked(base: Recipe, parameters: list[Parameter]) -> Config:
    """Load the config with every end of the ranges, so that no trial fails for a wrong name; return it as it is."""
    settings: dict[str, Any] = dict(data=base.data, work_dir="-", skip_bad=base.skip_bad)
    cfg = load_config(base.config, cfg_options=base.cfg_options, **settings)
    known = {*cfg, *(rule.name for rule in RULES)}
    unknown = next((p for p in parameters if p.name.partition(".")[0] not in known), None)
    if unknown is not None:
        raise BadInputError(
            "the config has no such setting",
            where=f"--space {unknown}",
            todo="see docs/configs.md for the special names",
        )
    for i in range(max(len(p.ends) for p in parameters)):
        options = {p.name: p.ends[min(i, len(p.ends) - 1)] for p in parameters}
        load_config(base.config, cfg_options={**base.cfg_options, **options}, **settings)
    return cfg


def _decided_by(cfg: Config, metric: str | None) -> tuple[str, bool]:
    """Return the metric that decides, and whether lower values are better."""
    stated = cfg.default_hooks.get("checkpoint") or {}
    key = metric or stated.get("save_best")
    if not cfg.get("val_dataloader") or not key or not isinstance(key, str):
        raise BadInputError(
            "nothing to choose by", where="--metric" if cfg.get("val_dataloader") else "val_dataloader",
            expected="a metric of the validation", found=repr(key), todo="name one: --metric AP, and have a val split",
        )  # fmt: skip
    rule = rule_of(key, None if metric else stated.get("rule"))
    return key, rule == "less"


def _tried(base: Recipe, number: int, values: dict[str, Any], key: str, falls: bool) -> dict[str, Any]:
    """Train one variant and return its row."""
    name = f"trial_{number:03d}"
    folder = base.work_dir / name
    recipe = Recipe(
        name, base.config, base.data, folder, base.budget, base.seed, {**base.cfg_options, **values}, base.skip_bad,
        base.from_scratch,
    )  # fmt: skip
    if folder.exists() and not (folder / ROW).is_file():  # of a process that was killed
        shutil.rmtree(folder)
    row = result_row(recipe)
    found = {"number": number, "values": values, "value": None, "work_dir": str(folder)}
    if "error" in row:
        return {**found, "error": row["error"]}
    measured = [entry[key] for entry in read_scalars(folder)[1] if entry.get(key) is not None]
    measured = [value for value in measured if math.isfinite(value)]
    if not measured:
        return {**found, "error": f"the validations did not measure {key}"}
    told = {name: row[name] for name in ("epochs", "max_epochs", "minutes", "checkpoint")}
    return {**found, "value": min(measured) if falls else max(measured), **told}


def _write(out: Path, base: Recipe, rows: list[dict[str, Any]], key: str, falls: bool) -> None:
    """Write the table, the rows, and the config of the best trial."""
    replace_text(out / TABLE, _table(rows, key, falls))
    content = {"config": str(base.config), "data": spelled(base.data), "metric": key, "trials": rows}
    replace_text(out / RESULTS, json.dumps(content, indent=1, default=str) + "\n")
    best = next((row for row in _sorted(rows, falls) if row["value"] is not None), None)
    if best is None:
        with suppress(FileNotFoundError):
            (out / BEST).unlink()
        return
    settings = merged(nested({**base.cfg_options, **best["values"]}), {"max_epochs": best["max_epochs"]})
    says = f"Best of {len(rows)} trials: {key} {best['value']:.4g} on the val split (trial {best['number']})."
    text = config_text(base.config, {"data_root": spelled(base.data), **settings}, says=says)
    replace_text(out / BEST, text)


def _sorted(rows: list[dict[str, Any]], falls: bool) -> list[dict[str, Any]]:
    """Return the rows, best first, those that failed at the end."""
    sign = 1 if falls else -1
    return sorted(rows, key=lambda row: (row["value"] is None, sign * (row["value"] or 0), row["number"]))


def _table(rows: list[dict[str, Any]], key: str, falls: bool) -> str:
    names = list(rows[0]["values"]) if rows else []
    body = [
        [
            f"trial_{row['number']:03d}", *(row["values"][name] for name in names),
            "-" if row["value"] is None else f"{row['value']:.4f}",
            f"{row['epochs']:.4g}" if "epochs" in row else "-", f"{row['minutes']:.1f}" if "minutes" in row else "-",
            ("failed: " + row["error"][:200] if "error" in row else "").replace("|", "\\|"),
        ]
        for row in _sorted(rows, falls)
    ]  # fmt: skip
    return markdown_table(["trial", *names, f"{key} (val)", "epochs", "minutes", "note"], body)


def _in_words(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
