"""Read the lines of a skeleton. They are only drawn, so a wrong one is left out and noted, and stops nothing."""

from collections.abc import Sequence
from typing import Any

from kpplugins.data.parsing.notes import Notes


def skeleton_lines(
    names: Sequence[str],
    lines: Any,
    *,
    first: int | None = None,
    where: str = "skeleton",
    notes: Notes,
) -> list[tuple[str, str]]:
    """Turn lines between keypoints into pairs of names.

    Args:
        names: K names of keypoints.
        lines: what the document says: pairs of numbers, or of names.
        first: the number of the first keypoint in this format. If it is 1, a 0 among the lines says that this file
            counts from 0. ``None``: told from the lines, 0 if that occurs, 1 if K does.
        where: the place in the document, for the notes.
        notes: what was left out or assumed is added to it.

    Returns:
        The lines that join two different keypoints; none if the first number cannot be told.
    """
    lines = lines if isinstance(lines, list) else [lines] if lines else []
    numbers = {end for line in lines if isinstance(line, list) for end in line if type(end) in (int, float)}
    if first != 0 and {0, len(names)} <= numbers:
        notes.say(f"{where}: skeleton counts from 0 and from 1, left out")
        return []
    if first == 1 and 0 in numbers:
        notes.say(f"{where}: skeleton has a 0, so it counts the keypoints from 0")
    if 0 in numbers and first is not None:
        first = 0
    elif first is None:
        first = 0 if 0 in numbers else 1 if len(names) in numbers else None
    if first is None and numbers:
        notes.say(f"{where}: skeleton may count from 0 or from 1, left out")
        return []
    places: dict[Any, str] = {name: name for name in names}
    places.update(enumerate(names, first or 0))
    found, left = [], []
    for line in lines:
        pair = line if isinstance(line, list) and len(line) == 2 else [None, None]
        a, b = (places.get(end) if type(end) in (int, float, str) else None for end in pair)
        if a is None or b is None or a == b:
            left.append(line)
        else:
            found.append((a, b))
    if left:
        some = ", ".join(ascii(line)[:40] for line in left[:3])
        notes.say(f"{where}: {len(left)} skeleton lines join no two keypoints, left out: {some}")
    return found
