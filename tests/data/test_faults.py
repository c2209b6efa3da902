import logging
from collections.abc import Sequence

import pytest

from kpplugins.data.faults import apart, settle_faults
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


def test_a_thousand_faults_are_logged_one_by_one_and_all_are_counted(caplog: pytest.LogCaptureFixture):
    faults = [BadInputError("is bad", where=f"{i}.json") for i in range(1200)]
    with caplog.at_level(logging.WARNING):
        settle_faults(faults, skip_bad=True, read=10)
    assert len(caplog.messages) == 1002
    assert caplog.messages[-2:] == ["skipped: 200 more", "skipped 1200 of 1210: 1200 × is bad"]
