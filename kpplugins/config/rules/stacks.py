"""The number of stacks in a config, by one name."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from kpplugins.config.source import assigned_values
from kpplugins.structures import BadInputError


def spread_stacks(cfg: Config, options: dict[str, Any]) -> None:
    """Bring the top-level ``num_stacks`` to every part of the model that is stacked, e.g. backbone and head.

    A part that states a number which no file of the chain states at its top was given it on purpose, and keeps it; so
    does one of which the command line says so.

    Args:
        cfg: changed.
        options: what the command line put over it, by dotted key.

    Raises:
        BadInputError: no whole number ≥ 1.
    """
    stacks = cfg.get("num_stacks")
    if stacks is None:
        return
    if not isinstance(stacks, int) or isinstance(stacks, bool) or stacks < 1:
        raise BadInputError("not a number of stacks", where="num_stacks", expected="≥ 1", found=repr(stacks))
    inherited = [None, stacks, *assigned_values(Path(cfg.filename), "num_stacks")]
    for name, part in (cfg.get("model") or {}).items():
        stacked = isinstance(part, dict) and "num_stacks" in part
        if stacked and part["num_stacks"] in inherited and f"model.{name}.num_stacks" not in options:
            part["num_stacks"] = stacks
