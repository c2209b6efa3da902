"""What is said of this machine."""

import time

import pytest

from kpplugins.apis.recommending.machine_facts import machine_facts, training_rate
from kpplugins.structures import BadInputError


def test_this_machine():
    facts = machine_facts(2.5, "cpu")
    assert facts.cores >= 1 and facts.memory > 0.1 and facts.rate > 1e7
    assert str(facts).endswith("; 2.5 CPU-minutes")


def test_the_rate_is_work_over_time():
    """A clock on which everything takes twice as long measures half the rate; three readings of noise are allowed."""
    plain = training_rate("cpu", time.process_time, 0.1)
    slow = training_rate("cpu", lambda: 10 * time.process_time(), 1.0)
    assert 2 < plain / slow < 50


@pytest.mark.parametrize(
    ("minutes", "clock", "words"),
    [
        (0, "wall", "wrong minutes; expected > 0; found 0"),
        (float("nan"), "wall", "wrong minutes"),
        (1, "sun", "unknown clock"),
    ],
)
def test_bad_input(minutes: float, clock: str, words: str):
    with pytest.raises(BadInputError, match=words):
        machine_facts(minutes, clock)
