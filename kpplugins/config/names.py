"""Names at the top of a config that are near misses of a name which something reads, or that would change nothing."""

import ast
import difflib
import inspect
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kpplugins.config.rules import RULES, Rule
from kpplugins.config.source import Layer
from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)
READ_BY_RUNNER = {
    "activation_checkpointing", "compile", "custom_imports", "data_mode", "efficient_conv_bn_eval",
    "find_unused_parameters", "model_wrapper_cfg", "sync_bn",
}  # fmt: skip
"""Names that MMEngine's Runner reads from the config without having them as arguments."""
_NEAR = 0.88
"""How alike a near miss is, by difflib's ratio: one letter more or less of a name of five."""


def known_names() -> set[str]:
    """The names at the top of a config that MMEngine's Runner or our rules read."""
    from mmengine.runner import Runner

    read = set(inspect.signature(Runner.__init__).parameters) - {"self", "cfg"}
    return read | {rule.name for rule in RULES} | READ_BY_RUNNER


def reject_near_misses(layer: Layer) -> None:
    """Stop at a name that a file introduces, does not use itself, and that is nearly one that something reads.

    Args:
        layer: the topmost; all files that it stands on are looked at, but those of installed packages.

    Raises:
        BadInputError: naming the file, the line, and what was probably meant.
    """
    for each in {layer, *layer.below}:
        if each.is_installed:
            continue
        inherited = set().union(*(base.values.keys() for base in each.bases))
        _reject(each.values.keys() - inherited, known_names() | inherited, each.name)


def reject_options(options: dict[str, Any], layer: Layer) -> None:
    """Stop at options of the command line that come too late, or are nearly a known name.

    Args:
        options: values by dotted key.
        layer: of the file.

    Raises:
        BadInputError: a near miss, or a name of which the files have already built other values.
    """
    for key in options:
        name = key.split(".")[0]
        if name in known_names():
            continue
        if name in layer.values and name == key:
            raise BadInputError(
                f"{name} would change nothing", where=f"--cfg-options {key}",
                expected="a name that is read when the config is complete",
                todo="set it in a config that stands on this one, or name the places that were built from it",
            )  # fmt: skip
        near = _near(name, known_names() | layer.values.keys())
        if near and name not in layer.values:
            raise _unknown(name, f"--cfg-options {key}", near)
        if name not in layer.values:
            logger.warning("--cfg-options %s: nothing here reads it", key)


def require_effect(rules: Iterable[Rule], own: Sequence[Layer]) -> None:
    """Stop at a special name that the file or the command line sets and that went nowhere.

    What a base says may go nowhere in a child that has exchanged the model; and a file may use a name itself.

    Args:
        rules: that were applied.
        own: the layers of the file and of the command line.

    Raises:
        BadInputError: naming what the config lacks.
    """
    for rule in rules:
        if rule.reached or not rule.needs or rule.stated_by not in own:
            continue
        if rule.name not in used_names(rule.stated_by.name):
            raise BadInputError(
                f"{rule.name} would change nothing", where=rule.stated_by.name,
                expected=f"{rule.needs} in this config", todo="leave it out, or set what this model has",
            )  # fmt: skip


def require_use(layer: Layer) -> None:
    """Stop at a name of which a base has built its values, that the file sets anew and does not use.

    (MMEngine has copied the base's ``train_pipeline`` into the loader long before a child's.)

    Raises:
        BadInputError: naming the line and what to write instead.
    """
    if layer.is_installed:
        return
    for base in layer.below:
        for name in layer.values.keys() & used_names(base.name) - known_names():
            if layer.says(name) and name not in used_names(layer.name):
                raise BadInputError(
                    f"{name} would change nothing", where=_line_of(layer.name, name),
                    expected="a value that is built from it in this file too",
                    found=f"{Path(base.name).name} has built its own",
                    todo=f"use {name} where it should go, e.g. train_dataloader = dict(dataset=dict(…))",
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
    return near[0] if near and letters[0] != letters[1] else None  # data_root2 is somebody's second one


def _tree(file: str) -> ast.Module:
    path = Path(file)
    if path.suffix != ".py" or not path.is_file():
        return ast.Module([], [])
    return ast.parse(path.read_text(encoding="utf-8"), filename=file)


def used_names(file: str) -> set[str]:
    """The names that a config uses to build its values."""
    return {n.id for n in ast.walk(_tree(file)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _line_of(file: str, name: str) -> str:
    for node in _tree(file).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return f"{file}:{node.lineno}"
    return file


def _unknown(name: str, where: str, near: str) -> BadInputError:
    return BadInputError(f"unknown config key {name!r}", where=where, todo=f"did you mean {near!r}?")
