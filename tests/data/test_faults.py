import logging

import pytest

from kpplugins.data.faults import settle_faults
from kpplugins.structures import BadInputError


def test_a_thousand_faults_are_logged_one_by_one_and_all_are_counted(caplog: pytest.LogCaptureFixture):
    faults = [BadInputError("is bad", where=f"{i}.json") for i in range(1200)]
    with caplog.at_level(logging.WARNING):
        settle_faults(faults, skip_bad=True, read=10)
    assert len(caplog.messages) == 1002
    assert caplog.messages[-2:] == ["skipped: 200 more", "skipped 1200 of 1210: 1200 × is bad"]
