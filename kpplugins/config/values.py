"""Values in a config: look them up, compare them, and name the class of a ``type``."""

from collections.abc import Sequence
from typing import Any

from mmengine.config import Config

_SCOPE = "_scope_"


def value_at(values: Any, path: Sequence[str | int]) -> Any:
    """Look up a place in a config, or in nested dicts and lists.

    Args:
        values: the config, dict or list.
        path: keys and indices.

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
    """Compare two values of a config; a list equals a tuple, and scopes that MMEngine adds in bases are ignored.

    Args:
        a: one value.
        b: the other.

    Returns:
        Whether they are equal.
    """
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
    """Return the class name of a ``type``, however it is written.

    Args:
        type_: a name, a name with a scope, or a class.

    Returns:
        The name without scope.
    """
    return type_.rsplit(".", 1)[-1] if isinstance(type_, str) else getattr(type_, "__name__", str(type_))


def is_type(part: Any, *names: str) -> bool:
    """Tell whether a part of a config is of one of several classes.

    Args:
        part: any value of a config.
        *names: class names without scope.

    Returns:
        Whether it is.
    """
    return isinstance(part, dict) and part.get("type") is not None and name_of(part.get("type")) in names


def dotted(path: Sequence[str | int]) -> str:
    """Format a place as in MMEngine's options, with list indices in brackets.

    Args:
        path: keys and indices.

    Returns:
        For example ``model.head.loss[0].type``.
    """
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return text.removeprefix(".")
