"""Top-level names of a config that would be carried somewhere, and have nowhere to go in this config."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from kpplugins.config.parts import STEPS, steps_of
from kpplugins.config.rules.sizes import takes_size
from kpplugins.config.source import assignments, loaded_names, parse
from kpplugins.structures import BadInputError


def _any_step(types: Sequence[str]) -> Callable[[Config], bool]:
    return lambda cfg: any(step.type in types for step in steps_of(cfg))


def _is_stacked(cfg: Config) -> bool:
    parts: Any = (cfg.get("model") or {}).values()
    return any(isinstance(part, dict) and "num_stacks" in part for part in parts)


_PLACES: dict[str, tuple[Callable[[Config], bool], str]] = {
    **{name: (_any_step(types), f"a {types[0]} step") for name, types in STEPS.items()},
    "input_size": (takes_size, "a codec, a step of MMDetection's that has a size, or KeypointRCNN"),
    "num_stacks": (_is_stacked, "a part of the model that has num_stacks"),
}
"""By name, whether a config has a place for it, and what that would be."""


def require_reach(cfg: Config, path: Path, options: dict[str, Any]) -> None:
    """Stop at a name that this file, or the command line, sets and that goes nowhere.

    What a base says may go nowhere in a child that has exchanged the model. A file may set a name for itself too.

    Args:
        cfg: settled.
        path: its file.
        options: what the command line put over it, by dotted key.

    Raises:
        BadInputError: naming what the config lacks.
    """
    tree = parse(path)
    stated = {name for name, _ in assignments(tree)} - loaded_names(tree)
    for name, (has_place, place) in _PLACES.items():
        if name in stated | options.keys() and cfg.get(name) is not None and not has_place(cfg):
            raise BadInputError(
                f"{name} would change nothing", where=str(path), expected=f"{place} in this config",
                todo="leave it out, or set what this model has",
            )  # fmt: skip
