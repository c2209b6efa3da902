"""Write short configs: a base, and settings that differ from it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kpplugins.config.source import CONFIGS, SCOPE


class Code(str):
    """A value that is written as it is, e.g. ``[*_base_.custom_hooks, …]``, not in quotes."""

    __slots__ = ()


def config_text(
    base: str | Path, settings: Mapping[str, Any], *, says: str = "", before: Sequence[str] = ()
) -> str:
    """Return the text of a config that inherits another.

    Args:
        base: the config that it inherits: a file, or one of ours as ``kpplugins::NAME.py``.
        settings: values by name; dicts are merged into those of the base.
        says: the docstring; empty for none.
        before: lines of Python that make the variables which ``Code`` in the settings names.

    Returns:
        Python, one line a setting; those that are ``None`` share one.
    """
    lines = [f'"""{says}"""', ""] if says else []
    lines += [f"_base_ = {_written(base_name(base))}", *before]
    lines += [f"{name} = {_written(value)}" for name, value in settings.items() if value is not None]
    absent = [name for name, value in settings.items() if value is None]
    lines += [f"{' = '.join(absent)} = None"] if absent else []
    return "\n".join(lines) + "\n"


def base_name(config: str | Path) -> str:
    """Return how another config names this one as its base, wherever that lies.

    Args:
        config: a file, or ``kpplugins::NAME.py``.

    Returns:
        ``kpplugins::NAME.py`` for one of our own configs, else the absolute path.
    """
    if "::" in str(config):
        return str(config)
    path = Path(config).resolve()
    own = CONFIGS.resolve()
    return f"{SCOPE}::{path.relative_to(own).as_posix()}" if path.is_relative_to(own) else path.as_posix()


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn values by dotted key into nested dicts.

    Args:
        values: e.g. ``{"optimizer.lr": 1e-3}``.

    Returns:
        E.g. ``{"optimizer": {"lr": 1e-3}}``.
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        *outer, last = key.split(".")
        place = found
        for name in outer:
            place = place.setdefault(name, {})
        place[last] = value
    return found


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Join two settings; where both have a value, dicts are joined in the same way, else the second's counts.

    Args:
        first: values by name.
        second: likewise.

    Returns:
        New dicts.
    """
    found = dict(first)
    for name, value in second.items():
        old = found.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        found[name] = merged(old, value) if both else value  # type: ignore[arg-type]
    return found


def _written(value: Any) -> str:
    """Return a value as the configs here write it."""
    if isinstance(value, Code):
        return str(value)
    if isinstance(value, str):
        text = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{text}"' if text.isprintable() else repr(value)
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and key.isidentifier() for key in value):
            return f"dict({', '.join(f'{key}={_written(v)}' for key, v in value.items())})"
        return "{" + ", ".join(f"{_written(key)}: {_written(v)}" for key, v in value.items()) + "}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_written, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return repr(value)
