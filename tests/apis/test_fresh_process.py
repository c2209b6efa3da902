"""Work in a fresh process."""

import os

import pytest

from kpplugins.apis.comparison.fresh_process import in_fresh_process


def test_it_is_another_process_and_its_error_arrives():
    assert in_fresh_process(os.getpid) != os.getpid()
    with pytest.raises(ZeroDivisionError):
        in_fresh_process(divmod, 1, 0)
