from typing import Any

import pytest

from kpplugins.data.parsing.skeletons import skeleton_lines


@pytest.mark.parametrize(
    ("pairs", "first", "lines"),
    [
        ([[0, 1], [1, 2]], None, "ab bc"),
        ([[1, 2], [2, 3]], None, "ab bc"),
        ([[1, 2]], None, ""),  # a to b, or b to c?
        ([[1, 2]], 0, "bc"),
        ([[1, 2]], 1, "ab"),
        ([[0, 1], [2, 3]], None, ""),
        ([[1, 4]], 1, ""),
        ([[1, 1], [2, 3]], 1, "bc"),
        ([[1, 2, 3]], 1, ""),
        ([[True, 2]], 1, ""),
        (["ab"], 1, ""),
        (None, None, ""),
        ([], None, ""),
    ],
)
def test_lines_of_three_keypoints(pairs: Any, first: int | None, lines: str):
    assert skeleton_lines("abc", pairs, first) == [tuple(line) for line in lines.split()]
