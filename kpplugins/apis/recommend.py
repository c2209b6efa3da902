"""Recommend one recipe for a data set, this machine, and the minutes that there are."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from kpplugins.apis.comparison.budget import PROBE_SECONDS, PROBE_SHARE, Pace, pace_of
from kpplugins.apis.comparison.fresh_process import in_fresh_process
from kpplugins.apis.recommending.choice import choose
from kpplugins.apis.recommending.data_facts import data_facts
from kpplugins.apis.recommending.machine_facts import machine_facts
from kpplugins.apis.recommending.recommendation import Recommendation
from kpplugins.apis.recommending.schedule import schedule
from kpplugins.apis.recommending.settings import settings_of
from kpplugins.apis.recommending.shipped_recipe import SHIPPED
from kpplugins.config.source import read_config
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_text
from kpplugins.weights.pretrained import pretrained_of

BEGINNING = '"""Recommended for '
"""How the configs that are written here begin: no other file is replaced."""
TIMED = 20.0
"""Most seconds of training that are timed."""


def recommend(
    data: str | Path,
    *,
    minutes: float = 20.0,
    clock: str = "wall",
    boxes: bool = False,
    fps: float | None = None,
    out: str | Path | None = None,
    skip_bad: bool = False,
) -> Recommendation:
    """Choose one of the shipped recipes, with its settings, from facts of the data and the machine.

    The choice among recipes follows from their multiply-adds and the measured speed of a convolution; the number of
    epochs from really training the chosen one for a few seconds, in a process of its own, which leaves no files.

    Args:
        data: a folder that a dataset class reads; see ``data_facts``.
        minutes: of training.
        clock: ``wall``, or ``cpu`` for minutes of one processor core.
        boxes: boxes will be given when predicting, by somebody or by a detector.
        fps: images a second that prediction on this machine should reach, one at a time.
        out: the config to write; ``None`` writes none.
        skip_bad: skip bad files.

    Returns:
        The recommendation: ``text``, ``config`` and ``to_json()``.

    Raises:
        BadInputError: see ``data_facts``, ``machine_facts`` and ``choose``; or ``out`` is a file that was not written
            here.
    """
    if out is not None:
        _require_own(Path(out))
    untimed = recommend_untimed(data, minutes=minutes, clock=clock, boxes=boxes, fps=fps, skip_bad=skip_bad)
    recommended = with_schedule(untimed, time_a_few_steps(untimed, skip_bad))
    if out is not None:
        replace_text(Path(out), recommended.config)
    return recommended


def recommend_untimed(
    data: str | Path,
    *,
    minutes: float,
    clock: str,
    boxes: bool = False,
    fps: float | None = None,
    skip_bad: bool = False,
) -> Recommendation:
    """Choose the recipe and its settings, except for the epochs.

    Args:
        data: see ``recommend``, as are the others.
        minutes: of training.
        clock: ``wall`` or ``cpu``.
        boxes: boxes will be given when predicting.
        fps: images a second that prediction should reach.
        skip_bad: skip bad files.

    Returns:
        The recommendation, without epochs.

    Raises:
        BadInputError: see ``recommend``.
    """
    machine = machine_facts(minutes, clock)
    facts = data_facts(data, skip_bad=skip_bad)
    choice = choose(facts, machine, boxes=boxes, fps=fps, at_hand=_at_hand())
    base = choice.recipe.config_of(facts.dataset_type)
    stated, _ = read_config(base)
    advice = [*choice.advice, *settings_of(facts, machine, choice, list(stated), fps)]
    return Recommendation(facts, machine, choice, base, None, tuple(advice))


def with_schedule(untimed: Recommendation, pace: Pace, minutes: float | None = None) -> Recommendation:
    """Add the epochs that fit.

    Args:
        untimed: the recommendation without epochs.
        pace: of its training.
        minutes: that there are; ``None`` for those of the machine's facts.

    Returns:
        The complete recommendation.
    """
    machine = untimed.machine if minutes is None else replace(untimed.machine, minutes=minutes)
    epochs, timed = schedule(
        untimed.data, machine, pace, untimed.settings.get("val_dataloader", "") is not None
    )
    return replace(untimed, epochs=epochs, advice=(*untimed.advice, timed))


def time_a_few_steps(untimed: Recommendation, skip_bad: bool = False) -> Pace:
    """Train a recommendation for a tenth of its minutes, at most 20 seconds.

    Args:
        untimed: the recommendation without epochs.
        skip_bad: skip bad files.

    Returns:
        Its pace on this machine.

    Raises:
        BadInputError: see ``pace_of``.
    """
    machine = untimed.machine
    seconds = min(TIMED, PROBE_SECONDS, 60 * PROBE_SHARE * machine.minutes)
    scratch = not untimed.choice.recipe.pretrained
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        config = Path(folder) / "timed.py"
        config.write_text(untimed.config, encoding="utf-8")
        return in_fresh_process(_pace, config, seconds, machine.clock, skip_bad, scratch)


def _pace(config: Path, seconds: float, clock: str, skip_bad: bool, from_scratch: bool) -> Pace:
    return pace_of(config, seconds=seconds, clock=clock, skip_bad=skip_bad, from_scratch=from_scratch)


def _at_hand() -> list[str]:
    """Return the recipes whose published weights are in torch's hub folder."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"

    def fetched(address: Any) -> bool:
        return (folder / str(address).rpartition("/")[2]).is_file()

    configs = {r.name: f"kpplugins::{r.name}.py" for r in SHIPPED if r.pretrained}
    return [
        name
        for name, config in configs.items()
        if all(fetched(address) for _, address, _ in pretrained_of(read_config(config)[0]))
    ]


def _require_own(out: Path) -> None:
    """Refuse to replace a file that somebody wrote."""
    if out.is_dir() or (out.exists() and not out.read_text("utf-8", "replace").startswith(BEGINNING)):
        raise BadInputError(
            "there is something else already", where=str(out), expected="a new file, or an earlier recommendation",
            todo="give another name: --out FILE",
        )  # fmt: skip
