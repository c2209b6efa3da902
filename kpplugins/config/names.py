"""Checks for misspelt names at the top of a config, and for names that would change nothing."""

import ast
import difflib
import inspect
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from kpplugins.config.rules import RULES, Rule
from kpplugins.config.source import Layer
from kpplugins.config.values import dotted, name_of, value_at
from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)
READ_BY_RUNNER = {
    "activation_checkpointing", "compile", "custom_imports", "data_mode", "efficient_conv_bn_eval",
    "find_unused_parameters", "model_wrapper_cfg", "sync_bn",
}  # fmt: skip
"""Names that MMEngine's Runner reads from the config without having them as arguments."""
_RATE = ("optim_wrapper", "optimizer", "lr")
_RULING = {"OneCycleLR": ("eta_max",), "CyclicLR": ("base_lr",)}
"""Schedulers that set the learning rate whatever the optimizer's is, and where they state it."""
_NEAR = 0.88
"""Similarity of a near miss, by difflib's ratio: one letter more or less in a name of five."""


def known_names() -> set[str]:
    """Collect the names at the top of a config that MMEngine's Runner or our rules read.

    Returns:
        The names.
    """
    from mmengine.runner import Runner

    read = set(inspect.signature(Runner.__init__).parameters) - {"self", "cfg"}
    return read | {rule.name for rule in RULES} | READ_BY_RUNNER


def reject_near_misses(layer: Layer) -> None:
    """Raise if a file introduces a name that it does not use and that nearly matches a known name.

    Args:
        layer: the topmost layer; all files below it are checked, except those of installed packages.

    Raises:
        BadInputError: naming the file, the line, and what was probably meant.
    """
    for each in {layer, *layer.below}:
        if each.is_installed:
            continue
        inherited = set().union(*(base.values.keys() for base in each.bases))
        _reject(each.values.keys() - inherited, known_names() | inherited, each.name)


def reject_options(options: dict[str, Any], layer: Layer) -> None:
    """Raise if an option of the command line has no effect or nearly matches a known name.

    Args:
        options: values by dotted key.
        layer: of the file.

    Raises:
        BadInputError: a near miss, or a name from which the files have already built other values.
    """
    for key in options:
        name = key.split(".")[0]
        if name in known_names():
            continue
        if name in layer.values and name == key:
            raise BadInputError(
                f"{name} would change nothing", where=f"--cfg-options {key}",
                expected="a name that is read when the config is complete",
                todo="set it in a config that inherits from this one, or set the places that were built from it",
            )  # fmt: skip
        near = _near(name, known_names() | layer.values.keys())
        if near and name not in layer.values:
            raise _unknown(name, f"--cfg-options {key}", near)
        if name not in layer.values:
            logger.warning("--cfg-options %s: nothing here reads it", key)


def require_effect(rules: Iterable[Rule], own: Sequence[Layer]) -> None:
    """Raise if a special name that the file or the command line sets had no effect.

    A name set by a base may have no effect in a child that replaces the model, and a file may use a name itself.

    Args:
        rules: the rules applied.
        own: the layers of the file and of the command line.

    Raises:
        BadInputError: naming what the config lacks.
    """
    for rule in rules:
        if rule.reached or not rule.needs or rule.stated_by not in own or not rule.stated_by.bases:
            continue
        if rule.name not in used_names(rule.stated_by.name):
            raise BadInputError(
                f"{rule.name} would change nothing", where=rule.stated_by.name,
                expected=f"{rule.needs} in this config", todo="leave it out, or set what this model has",
            )  # fmt: skip


def require_use(layer: Layer) -> None:
    """Raise if the file sets a name without using it, and a base has already built values from its own.

    For example, a base's ``train_pipeline`` is copied into its loader before a child can set another one.

    Args:
        layer: of the file.

    Raises:
        BadInputError: naming the line and what to write instead.
    """
    if layer.is_installed:
        return
    for base in layer.below:
        for name in layer.values.keys() & used_names(base.name) - known_names():
            where = _line_of(layer.name, name)
            imported = where == layer.name and layer.name.endswith(".py")  # by a new-style config
            if layer.says(name) and not imported and name not in used_names(layer.name):
                raise BadInputError(
                    f"{name} would change nothing", where=where,
                    expected="a value that is built from it in this file too",
                    found=f"{Path(base.name).name} has built its own",
                    todo=f"use {name} where it should go, e.g. train_dataloader = dict(dataset=dict(…))",
                )  # fmt: skip


def require_rate(cfg: Config, own: Sequence[Layer]) -> None:
    """Raise if the file or the command line sets the optimizer's rate, but a base's scheduler states another one.

    ``OneCycleLR`` and ``CyclicLR`` set the rate themselves. In a config with ``lr`` at the top they follow.

    Args:
        cfg: the settled config.
        own: the layers of the file and of the command line.

    Raises:
        BadInputError: naming the scheduler and its rate.
    """
    rate, nearest = value_at(cfg, _RATE), own[-1].origin(*_RATE)
    if rate is None or cfg.get("lr") is not None or nearest not in own or nearest.is_installed:
        return
    schedulers: Any = cfg.get("param_scheduler") or []
    several = isinstance(schedulers, (list, tuple))
    for i, scheduler in enumerate(schedulers if several else [schedulers]):
        for key in _RULING.get(name_of(scheduler.get("type")), ()):
            path = ("param_scheduler", i, key) if several else ("param_scheduler", key)
            stated = scheduler.get(key)
            if isinstance(stated, (int, float)) and stated != rate and own[-1].origin(*path) in nearest.below:
                raise BadInputError(
                    "optim_wrapper.optimizer.lr would change nothing", where=nearest.name,
                    found=f"{dotted(path)}={stated:g} of {name_of(scheduler.get('type'))} rules the learning rate",
                    todo=f"lr = {rate:g} sets both",
                )  # fmt: skip


def _reject(names: Iterable[str], known: set[str], file: str) -> None:
    for name in sorted(names):
        near = _near(name, known)
        if near and not name.startswith("_") and name not in used_names(file):
            raise _unknown(name, _line_of(file, name), near)


def _near(name: str, known: set[str]) -> str | None:
    if name in known:
        return None
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=_NEAR)
    letters = [word.rstrip("0123456789_") for word in (name, *near)]
    return near[0] if near and letters[0] != letters[1] else None  # data_root2 may be a second data root


def _tree(file: str) -> ast.Module:
    path = Path(file)
    if path.suffix != ".py" or not path.is_file():
        return ast.Module([], [])
    return ast.parse(path.read_text(encoding="utf-8"), filename=file)


def used_names(file: str) -> set[str]:
    """Collect the names that a config uses to build its values.

    Args:
        file: path of the config.

    Returns:
        The names; none if the file is not Python.
    """
    return {n.id for n in ast.walk(_tree(file)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _line_of(file: str, name: str) -> str:
    for node in _tree(file).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return f"{file}:{node.lineno}"
    return file


def _unknown(name: str, where: str, near: str) -> BadInputError:
    return BadInputError(f"unknown config key {name!r}", where=where, todo=f"did you mean {near!r}?")
