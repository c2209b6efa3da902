"""Values in a config: where they are, whether two are the same, and which class a ``type`` means."""

from collections.abc import Sequence
from typing import Any

from mmengine.config import Config

_SCOPE = "_scope_"


def value_at(values: Any, path: Sequence[str | int]) -> Any:
    """Look a place up in a config, or in nested dicts and lists.

    Returns:
        The value; ``None`` where there is no such place.
    """
    values = values._cfg_dict if isinstance(values, Config) else values
    for key in path:
        if isinstance(values, dict):
            values = values.get(key)
        elif isinstance(values, (list, tuple)) and isinstance(key, int) and key < len(values):
            values = values[key]
        else:
            return None
    return values


def same(a: Any, b: Any) -> bool:
    """Compare two values of a config; lists and tuples alike, and without the scopes that MMEngine notes in bases."""
    if isinstance(a, dict) and isinstance(b, dict):
        keys = a.keys() - {_SCOPE}
        return keys == b.keys() - {_SCOPE} and all(same(a.get(key), b.get(key)) for key in keys)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    try:
        return type(a) is type(b) and bool(a == b) or (a == b) is True
    except ValueError:  # arrays
        return a is b


def name_of(type_: Any) -> str:
    """Name the class that a ``type`` means, however it is written: as a string, a scoped string, or the class."""
    return type_.rsplit(".", 1)[-1] if isinstance(type_, str) else getattr(type_, "__name__", str(type_))


def is_type(part: Any, *names: str) -> bool:
    """Tell whether a part of a config is of one of these classes."""
    return isinstance(part, dict) and part.get("type") is not None and name_of(part.get("type")) in names


def dotted(path: Sequence[str | int]) -> str:
    """Write a place as MMEngine's options do, with list indices in brackets."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return text.removeprefix(".")
