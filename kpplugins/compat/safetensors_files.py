"""Read weights from ``.safetensors``: tensors and texts, from which no code can run.

Gap: MMEngine's loaders read pickles only. Remove when they read this format.
"""

import json
from pathlib import Path
from typing import Any

from kpplugins.extras import cure
from kpplugins.structures import BadInputError

SUFFIX = ".safetensors"
META = "meta"
"""Key of the text that holds a checkpoint's ``meta`` as JSON, where this project wrote the file."""
_TUPLE = "__tuple__"
_LONGEST = 20_000_000
"""Maximum number of characters of that text."""


def read_safetensors(file: str | Path) -> dict[str, Any]:
    """Read a file of tensors, with the ``meta`` that this project writes beside them.

    Args:
        file: its path.

    Returns:
        ``{"state_dict": tensors by name, "meta": plain data}``.

    Raises:
        BadInputError: safetensors is not installed, or the file is none, or cut off.
        FileNotFoundError: there is no such file.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise BadInputError(
            "safetensors is not installed", where=str(file), todo=cure("safetensors")
        ) from error
    if not Path(file).is_file():
        raise FileNotFoundError(f"{file} can not be found.")
    try:
        with safe_open(str(file), framework="pt") as opened:
            texts = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  # not a dict
    except (SafetensorError, OSError, ValueError) as error:
        raise BadInputError(
            "not a whole file of weights", where=str(file), found=str(error).splitlines()[0][:100],
            expected="a .safetensors file", todo="fetch it again",
        ) from error  # fmt: skip
    return {"state_dict": tensors, "meta": _meta_in(texts.get(META), str(file))}


def packed(value: Any) -> Any:
    """Return plain data as JSON can hold it; tuples are marked, so that reading gives tuples again.

    Args:
        value: dicts, lists, tuples, texts, numbers, booleans and ``None``.

    Returns:
        The same without tuples.
    """
    if isinstance(value, tuple):
        return {_TUPLE: [packed(item) for item in value]}
    if isinstance(value, dict):
        return {str(key): packed(item) for key, item in value.items()}
    return [packed(item) for item in value] if isinstance(value, list) else value


def _unpacked(found: dict[str, Any]) -> Any:
    return tuple(found[_TUPLE]) if found.keys() == {_TUPLE} and isinstance(found[_TUPLE], list) else found


def _meta_in(text: str | None, where: str) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        found = json.loads(text, object_hook=_unpacked) if len(text) <= _LONGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadInputError(
            "what this file says of its weights is not JSON", where=where, todo="write it again"
        )
    return found
