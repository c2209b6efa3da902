from collections.abc import Sequence

from kpplugins.data.faults import apart
from kpplugins.structures import BadInputError


def test_bad_items_are_told_apart_and_good_ones_built_together():
    calls = []

    def build(items: Sequence[int]) -> list[int]:
        calls.append(len(items))
        if 5 in items or 7 in items:
            raise BadInputError("odd", where=str(items[0]))
        return [10 * item for item in items]

    built = apart(range(16), build)
    assert [b.where if isinstance(b, BadInputError) else b for b in built] == [
        0, 10, 20, 30, 40, "5", 60, "7", *range(80, 160, 10),
    ]  # fmt: skip
    assert 8 in calls and len(calls) < 16
    assert apart([], build) == []
