"""Epochs that fit, by hand."""

import pytest

from kpplugins.apis.comparison.budget import Pace
from kpplugins.apis.recommending.schedule import MOST_EPOCHS, schedule


def test_epochs_and_validations_fit_the_minutes(cats, laptop):
    """1140 s: of 10 s each and 5 s a validation every 11, 108 epochs and 9 validations take 1125 s; 109 take 1135."""
    pace = Pace(epoch=10, validation=5, start=2, samples=400, iterations=25, interval=4)
    epochs, advice = schedule(cats(), laptop(), pace)
    assert epochs == 109 and advice.settings["max_epochs"] == 109
    assert advice.settings["train_cfg"] == {"val_interval": 11}
    assert advice.settings["default_hooks"] == {"checkpoint": {"interval": 11}}
    assert 'minutes=20, clock="wall"' in advice.settings["custom_hooks"]
    assert "109 epochs" in advice.reason and "400 samples takes 10 s" in advice.reason


def test_validations_that_take_long_are_rare(cats, laptop):
    """57 of 1140 s are a twentieth: one validation of 40 s besides the last, not two."""
    pace = Pace(epoch=100, validation=40, start=2, samples=400, iterations=25, interval=4)
    epochs, advice = schedule(cats(), laptop(), pace)
    assert epochs == 10 and advice.settings["train_cfg"] == {"val_interval": 5}


def test_without_validation(cats, laptop):
    pace = Pace(epoch=10, validation=0, start=2, samples=400, iterations=25, interval=4)
    epochs, advice = schedule(cats(), laptop(clock="cpu"), pace, validated=False)
    assert epochs == 114 and "train_cfg" not in advice.settings and "CPU-seconds" in advice.reason


@pytest.mark.parametrize(("epoch", "epochs"), [(1e6, 1), (1e-3, MOST_EPOCHS)])
def test_too_little_and_too_much_time(cats, laptop, epoch: float, epochs: int):
    found, advice = schedule(cats(), laptop(), Pace(epoch, 1e-4, 0, 400, 25, 4))
    assert found == epochs and ("teach nothing" in advice.reason) == (epochs > 1)
