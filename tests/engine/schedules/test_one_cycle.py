"""One-cycle schedules of a few steps."""

import pytest

from kpplugins.engine.schedules.one_cycle import with_both_halves

CYCLE = dict(type="OneCycleLR", eta_max=0.1, pct_start=0.2, by_epoch=True)


@pytest.mark.parametrize("steps", range(1, 13))
@pytest.mark.parametrize("three", [False, True])
def test_a_few_iterations_have_a_rate(training, steps: int, three: bool):
    """One epoch; without the fix, five iterations end in a division by zero, and one has the lowest rate only."""
    scheduler = dict(**CYCLE, total_steps=1, convert_to_iter_based=True, three_phase=three)
    rates = training(scheduler, epochs=1, images=2 * steps).first
    assert len(rates) == steps
    assert 0.04 < max(rates) <= 0.1


def test_five_epochs(training):
    """0.1 / 25 at first, the highest after one step, then down to a ten-thousandth of the first."""
    rates = training(dict(**CYCLE, total_steps=5), epochs=5).first[::6]
    assert rates[:2] == pytest.approx([0.004, 0.1])
    assert rates == [rates[0], *sorted(rates[1:], reverse=True)] and rates[-1] == pytest.approx(4e-7)


def test_others_are_left():
    scheduler = dict(**CYCLE, total_steps=24)
    assert with_both_halves(scheduler, 24) is scheduler
    assert with_both_halves(dict(type="PolyLR"), 1) == dict(type="PolyLR")
