"""Addresses such as ``s3://bucket/cats``, also as a ``Path`` spells them: ``s3:/bucket/cats``."""

import re
from pathlib import Path

_BEGINNING = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::|:/)")
"""A protocol has two letters or more: ``C:/`` is a drive."""
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")
_OF_THE_DISK = ("file", "local")


def is_address(path: str | Path) -> bool:
    """Tell whether a path is the address of something that is not a file of this machine's.

    Args:
        path: the path, or a text that begins with it.

    Returns:
        True for ``s3://bucket/cats``, ``s3:/bucket/cats``, and chains such as ``zip::s3://bucket/cats.zip``.
    """
    return _BEGINNING.match(str(path)) is not None


def spelled(path: str | Path) -> str:
    """Write an address with the two slashes of which a ``Path`` keeps one.

    Args:
        path: the path, or a text that begins with it.

    Returns:
        The address; the same text for any other path.
    """
    text = str(path)
    found = _ADDRESS.match(text)
    if not found:
        return text
    return f"{found[1]}://{'/' * (found[1] in _OF_THE_DISK)}{text[found.end() :]}"


def as_path(place: str | Path) -> Path:
    """Return what somebody gave as a place of data as a path.

    Args:
        place: a path, or an address; ``file:///data/cats`` is ``/data/cats``.

    Returns:
        The path, which keeps one of the two slashes of an address.
    """
    text = str(place)
    found = _ADDRESS.match(text)
    return Path(f"/{text[found.end() :]}") if found and found[1] in _OF_THE_DISK else Path(text)
