"""Find names that are probably two spellings of one keypoint."""

import re
from collections import defaultdict
from collections.abc import Sequence


def alike_names(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Find names with the same words, in any order, case and spelling: ``left_eye``, ``LEFT_EYE``, ``LEye``.

    Args:
        names: of keypoints.

    Returns:
        Groups of two or more names.
    """
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in names:
        alike[_words(name)].append(name)
    return [tuple(several) for several in alike.values() if len(several) > 1]


def _words(name: str) -> tuple[str, ...]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    spaced = re.sub(r"(?i)(left|right)", r" \1 ", spaced)
    sides = {"l": "left", "r": "right"}
    return tuple(sorted(sides.get(w, w) for w in re.split(r"[\W_]+", spaced.lower()) if w))
