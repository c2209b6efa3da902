"""Averages of weights that follow the length of training."""

import logging

import pytest
from mmengine.hooks import EMAHook

from kpplugins.engine.averaging import follow_length


def setting(iterations: int, epochs: int = 10, **arguments) -> EMAHook:
    hook = EMAHook(**arguments)
    follow_length([hook], iterations, epochs)
    return hook


@pytest.mark.parametrize(
    ("iterations", "given", "expected"),
    [(60, {}, 1 / 6), (60, dict(momentum=2e-4), 1 / 6), (1000, dict(momentum=2e-4), 0.01),
     (50_000, dict(momentum=2e-4), 2e-4), (100, dict(momentum=0.25), 0.25), (1000, dict(interval=5), 0.05),
     (5, {}, 0.5)],
)  # fmt: skip
def test_the_average_is_over_a_tenth_of_the_training(iterations: int, given: dict, expected: float):
    found = setting(iterations, **given).ema_cfg.get("momentum", 2e-4)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(("kind", "gamma"), [("ExpMomentumEMA", 2000), ("MomentumAnnealingEMA", 100)])
def test_averages_that_start_short_get_longer_in_time(kind: str, gamma: int):
    assert setting(60, ema_type=kind).ema_cfg["gamma"] == 6
    assert "gamma" not in setting(60_000, ema_type=kind, momentum=2e-4).ema_cfg
    assert setting(gamma * 20, ema_type=kind, gamma=7).ema_cfg["gamma"] == 7


def test_an_average_over_all_is_left():
    assert "momentum" not in setting(60, ema_type="StochasticWeightAverage").ema_cfg


def test_it_begins_in_time(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    assert setting(60, begin_iter=1000).begin_iter == 30
    assert setting(60, begin_iter=20).begin_iter == 20
    assert setting(60, epochs=7, begin_epoch=100).begin_epoch == 4
    assert setting(60, epochs=7, begin_epoch=6).begin_epoch == 6
    assert "begin_iter 30, 1000 before" in caplog.text
