"""Settle which keypoints of a reading change places when an image is mirrored."""

from collections.abc import Sequence

import numpy as np

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.schema.settled_flips import settled_flips, with_pairs
from kpplugins.structures import BadInputError

FlipPairs = Sequence[str | tuple[str, str]] | None
"""All flip pairs of a set, ``a:b`` or (a, b); none of them if empty; ``None`` where nothing is stated."""


def settle_flips(reading: AnnotationSet, flip_pairs: FlipPairs = None, accept: bool = False) -> list[str]:
    """Decide by the source, the names and the labelled keypoints whether a set is flipped, and with which pairs.

    Args:
        reading: the annotations; its schema is replaced.
        flip_pairs: all pairs, if the user states them; they are kept, whatever the keypoints say.
        accept: use the pairs that the keypoints suggest.

    Returns:
        One line for everything that was decided or is doubtful, see ``settled_flips``.

    Raises:
        BadInputError: a stated pair does not name two keypoints, or both arguments are given.
    """
    if flip_pairs is not None and accept:
        raise BadInputError("pairs are either stated or accepted", where="flip_pairs and accept_flip_pairs")
    if flip_pairs is not None:
        pairs = [_pair(given, reading.schema.keypoints) for given in flip_pairs]
        reading.schema, reading.flips_stated = with_pairs(reading.schema, pairs), True
    k = reading.schema.num_keypoints
    labelled = [r.keypoints for r in reading.records if r.num_labelled and not r.crowd]
    points = np.array(labelled).reshape(-1, k, 3)
    stated = reading.flips_stated and not accept
    reading.schema, lines = settled_flips(
        reading.schema, points[..., :2], points[..., 2] > 0, stated=stated, accept=accept
    )
    return lines


def _pair(given: str | tuple[str, str], names: Sequence[str]) -> tuple[str, str]:
    """Return a pair of names; a colon may also be part of a name."""
    parts = given.split(":") if isinstance(given, str) else list(given)
    for i in range(1, len(parts) if isinstance(given, str) or len(parts) == 2 else 0):
        a, b = ":".join(parts[:i]), ":".join(parts[i:])
        if a in names and b in names and a != b:
            return a, b
    raise BadInputError(
        "not a pair of keypoints", where="--flip-pairs", expected=f"a:b, two of {', '.join(names)}",
        found=given if isinstance(given, str) else repr(given),
    )  # fmt: skip
