"""The length of training in a config, and schedules that follow it."""

import ast
import math
from pathlib import Path
from typing import Any

from mmengine.config import Config

from kpplugins.config.source import assignments, local_chain, parse
from kpplugins.structures import BadInputError

_COUNTED_IN_EPOCHS = {"begin", "end", "T_max", "total_steps", "milestones", "step_size"}
_LENGTHS = ("end", "total_steps")
OPTION = "train_cfg.max_epochs"


def spread_epochs(cfg: Config, path: Path, options: dict[str, Any]) -> None:
    """Bring ``max_epochs`` to ``train_cfg``, and stretch what schedulers count in epochs from their length to it.

    ``max_epochs`` at the top and ``train_cfg.max_epochs`` mean the same; of a chain of files the nearest says how many.
    A schedule stays as it is where the file that says so writes the schedule too.

    Args:
        cfg: changed.
        path: its file.
        options: what the command line puts over it; either name.

    Raises:
        BadInputError: a number that is none, or one file that says two.
    """
    asked = options.get("max_epochs", options.get(OPTION))
    stated, with_schedule = _stated(path)
    epochs = asked if asked is not None else stated
    if epochs is None:
        return
    if not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 1:
        raise BadInputError("max_epochs must be a whole number ≥ 1", where="max_epochs", found=repr(epochs))
    if cfg.train_cfg.get("max_iters") is not None or not cfg.train_cfg.get("by_epoch", True):
        return  # counted in iterations
    before = cfg.train_cfg.get("max_epochs")
    cfg.train_cfg.max_epochs = epochs
    if "max_epochs" in cfg:
        cfg.max_epochs = epochs
    if asked is None and with_schedule:
        return
    schedulers: Any = cfg.get("param_scheduler") or []
    counting = [
        s for s in (schedulers if isinstance(schedulers, list) else [schedulers]) if s.get("by_epoch", True)
    ]
    if asked is not None and with_schedule:
        written_for = stated
    else:
        lengths = [s[key] for s in counting for key in _LENGTHS if _is_length(s.get(key))]
        written_for = max(lengths, default=before)
    for scheduler in counting:
        _stretch(scheduler, epochs, written_for)


def _stretch(scheduler: Any, epochs: int, written_for: int | None) -> None:
    if written_for in (None, epochs):
        return
    for key in _COUNTED_IN_EPOCHS & scheduler.keys():
        value = scheduler[key]
        values = value if isinstance(value, list) else [value]
        scaled = [round(v * epochs / written_for) if _is_length(v) else v for v in values]
        scheduler[key] = scaled if isinstance(value, list) else scaled[0]
    for key in ("step_size_up", "step_size_down"):  # CyclicLR's need not be whole
        if scheduler.get(key) is not None:
            scheduler[key] = scheduler[key] * epochs / written_for
    if str(scheduler["type"]).startswith("Cyclic") and "gamma" in scheduler:
        scheduler["gamma"] **= written_for / epochs
    if _is_length(scheduler.get("end")):  # a short phase keeps an epoch
        scheduler["end"] = max(scheduler["end"], scheduler.get("begin", 0) + 1)
    for key in ("T_max", "total_steps", "step_size"):
        if key in scheduler and _is_length(scheduler[key]):
            scheduler[key] = max(scheduler[key], 1)


def _is_length(value: Any) -> bool:
    """A number of epochs; MMEngine's "for ever" is 10⁹."""
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value < 1e8
    )


def _stated(path: Path) -> tuple[int | None, bool]:
    """How many epochs the nearest file says, and whether it or a nearer one writes the schedule."""
    schedule = False
    for file in local_chain(path):
        assigned = {name: statement.value for name, statement in assignments(parse(file))}
        schedule = schedule or "param_scheduler" in assigned
        top, inner = (
            _literal(assigned.get("max_epochs")),
            _literal(_inside(assigned.get("train_cfg"), "max_epochs")),
        )
        if top is not None and inner is not None and top != inner:
            raise BadInputError(
                "max_epochs and train_cfg.max_epochs disagree", where=str(file), found=f"{top} and {inner}",
                todo="leave one of them out",
            )  # fmt: skip
        if top is not None or inner is not None:
            return (inner if top is None else top), schedule
    return None, schedule


def _inside(node: ast.expr | None, key: str) -> ast.expr | None:
    """The value of a key in ``dict(key=…)`` or ``{"key": …}``."""
    if isinstance(node, ast.Call):
        return next((k.value for k in node.keywords if k.arg == key), None)
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return next((v for k, v in pairs if isinstance(k, ast.Constant) and k.value == key), None)
    return None


def _literal(node: ast.expr | None) -> Any:
    return node.value if isinstance(node, ast.Constant) else None
