"""Check values in documents that others wrote; ``what`` names a value and ``where`` its place, for messages."""

import math
from typing import Any, NoReturn

import numpy as np

from kpplugins.structures import BadInputError
from kpplugins.structures.line_breaks import breaks_line

_FARTHEST = 1e9
"""Largest accepted coordinate or size; larger ones would overflow in products."""


def as_dict(value: Any, what: str, where: str) -> dict[str, Any]:
    """Take ``value`` if it is a JSON object.

    Args:
        value: from a document.
        what: what it is, for messages.
        where: its place, for messages.

    Returns:
        The object.

    Raises:
        BadInputError: it is not one.
    """
    return value if isinstance(value, dict) else _wrong(value, what, where, "an object {…}")


def as_list(value: Any, what: str, where: str) -> list[Any]:
    """Take ``value`` if it is a JSON array.

    Args:
        value: from a document.
        what: what it is, for messages.
        where: its place, for messages.

    Returns:
        The list.

    Raises:
        BadInputError: it is not one.
    """
    return value if isinstance(value, list) else _wrong(value, what, where, "a list […]")


def as_number(value: Any, what: str, where: str) -> float:
    """Take ``value`` if it is a JSON number of sensible size.

    Args:
        value: from a document.
        what: what it is, for messages.
        where: its place, for messages.

    Returns:
        The number as a float.

    Raises:
        BadInputError: it is not a number, or beyond ±1e9.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _wrong(value, what, where, "a number")
    if not abs(value) <= _FARTHEST:
        return _wrong(value, what, where, f"a number between -{_FARTHEST:g} and {_FARTHEST:g}")
    return float(value)


def as_numbers(value: Any, what: str, where: str, length: int | None = None) -> np.ndarray:
    """Take a JSON array of numbers of sensible size.

    Args:
        value: from a document.
        what: what it is, for messages.
        where: its place, for messages.
        length: required N; ``None`` accepts any.

    Returns:
        (N,) float64.

    Raises:
        BadInputError: it is not such an array, has a number beyond ±1e9, or has another length.
    """
    if not isinstance(value, list) or not set(map(type, value)) <= {int, float}:
        return _wrong(value, what, where, "a list of numbers")
    try:
        array = np.array(value, dtype=np.float64)
    except OverflowError:
        array = np.array([math.inf])
    if not (np.abs(array) <= _FARTHEST).all():
        return _wrong(value, what, where, f"numbers between -{_FARTHEST:g} and {_FARTHEST:g}")
    if length not in (None, len(array)):
        return _wrong(value, what, where, f"{length} numbers")
    return array


def parse_number(value: str | None, what: str, where: str) -> float:
    """Read the number that an XML attribute, a cell or a word of a line spells.

    Args:
        value: the text; ``None`` where it is missing.
        what: what it is, for messages.
        where: its place, for messages.

    Returns:
        The number.

    Raises:
        BadInputError: it is not a number, or beyond ±1e9.
    """
    try:
        return as_number(float((value or "").replace("_", "?")), what, where)
    except ValueError as error:
        if isinstance(error, BadInputError):
            raise
        return _wrong(value, what, where, "a number")


def parse_cell(value: str | None, what: str, where: str) -> float:
    """Read the number in a table's cell.

    Args:
        value: the text; ``None`` where it is missing.
        what: what it is, for messages.
        where: its place, for messages.

    Returns:
        The number; NaN if the cell is empty or NaN as pandas writes it.

    Raises:
        BadInputError: it is neither empty nor a number.
    """
    plain = (value or "").strip()
    return math.nan if plain.lower() in ("", "nan") else parse_number(plain, what, where)


def as_name(value: Any, what: str, where: str) -> str:
    """Take ``value`` if it is text that can be shown in one line.

    Args:
        value: from a document.
        what: what it is, for messages.
        where: its place, for messages.

    Returns:
        The text without surrounding blanks.

    Raises:
        BadInputError: it is not text, is blank, or breaks a line.
    """
    if not isinstance(value, str) or not value.strip() or breaks_line(value):
        return _wrong(value, what, where, "a text")
    return value.strip()


def as_size(width: Any, height: Any, where: str) -> tuple[int, int]:
    """Take an image's declared size.

    Args:
        width: in pixels, from a document.
        height: in pixels, from a document.
        where: their place, for messages.

    Returns:
        Width and height in pixels.

    Raises:
        BadInputError: they are not two positive whole numbers.
    """
    sides = tuple(as_number(v, what, where) for v, what in ((width, "width"), (height, "height")))
    if any(side < 1 or side != int(side) for side in sides):
        _wrong(sides, "image size", where, "two positive whole numbers")
    return int(sides[0]), int(sides[1])


def coco_id(value: Any) -> str | None:
    """Return an id such that a number and its text are equal: 7, 7.0 and ``"7"``.

    Args:
        value: from a document.

    Returns:
        The id as text; ``None`` for a missing one and for what cannot be an id.
    """
    if type(value) is int:  # nearly always
        return str(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    plain = str(value).strip()
    return str(int(plain)) if plain.isascii() and plain.isdigit() and len(plain) < 19 else plain


def _wrong(value: Any, what: str, where: str, expected: str) -> NoReturn:
    raise BadInputError(
        f"{what} is missing" if value is None else f"{what} is wrong",
        where=where,
        expected=expected,
        found="nothing" if value is None else ascii(value)[:60],
        todo="fix it in the annotation tool",
    )
