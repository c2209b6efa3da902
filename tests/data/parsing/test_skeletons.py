import re
from typing import Any

import pytest

from kpplugins.data.parsing.notes import Notes
from kpplugins.data.parsing.skeletons import skeleton_lines

FROM_BOTH, UNKNOWN = "counts from 0 and from 1", "may count from 0 or from 1"


@pytest.mark.parametrize(
    ("lines", "first", "found", "note"),
    [
        ([[0, 1], [1, 2]], None, "ab bc", ""),
        ([[1, 2], [2, 3]], None, "ab bc", ""),
        ([[1, 2]], None, "", UNKNOWN),  # a to b, or b to c?
        ([[1, 2]], 0, "bc", ""),
        ([[1, 2]], 1, "ab", ""),
        ([[0, 1], [1, 2]], 1, "ab bc", "has a 0, so it counts the keypoints from 0"),
        ([[0, 1], [2, 3]], None, "", FROM_BOTH),
        ([[0, 1], [2, 3]], 1, "", FROM_BOTH),
        ([[1, 2], [1, 4]], 1, "ab", r"1 skeleton lines join no two keypoints, left out: \[1, 4\]"),
        ([[1, 1], [2, 3]], 1, "bc", "1 skeleton lines"),
        ([[1, 2, 3]], 1, "", "1 skeleton lines"),
        ([[True, 2]], 1, "", "1 skeleton lines"),
        ([["a", "c"], ["a", "x"]], 1, "ac", "1 skeleton lines"),
        (["ab"], 1, "", "1 skeleton lines"),
        ("ab", 1, "", "1 skeleton lines"),
        (None, None, "", ""),
        ([], 1, "", ""),
    ],
)
def test_lines_of_three_keypoints(lines: Any, first: int | None, found: str, note: str):
    notes = Notes()
    pairs = skeleton_lines("abc", lines, first=first, where="file.json", notes=notes)
    assert pairs == [tuple(line) for line in found.split()]
    assert len(notes) == bool(note)
    if note:
        assert re.search(note, notes.lines[0]) and notes.lines[0].startswith("file.json: ")
