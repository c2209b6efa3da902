"""Read the lines of a skeleton from pairs of numbers. They are only drawn, so that wrong ones are never a fault."""

from collections.abc import Sequence
from typing import Any


def skeleton_lines(names: Sequence[str], pairs: Any, first: int | None = None) -> list[tuple[str, str]]:
    """Turn pairs of numbers into pairs of names.

    Args:
        names: K names of keypoints.
        pairs: what the document says.
        first: the number of the first keypoint. ``None`` tells it from the pairs: 0 if that occurs, 1 if K does.

    Returns:
        The lines; none if a pair is malformed or off the end, or if it cannot be told what is first.
    """
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(type(end) is int for end in pair) for pair in pairs
    ):
        return []
    ends = {end for pair in pairs for end in pair}
    if first is None:
        first = 0 if 0 in ends else 1 if len(names) in ends else None
    if first is None or not all(0 <= end - first < len(names) for end in ends):
        return []
    return [(names[a - first], names[b - first]) for a, b in pairs if a != b]
