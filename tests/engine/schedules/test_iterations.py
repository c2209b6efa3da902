"""Lengths in iterations follow the length of training."""

import logging

import pytest

from kpplugins.engine.schedules.iterations import in_iterations_of, tell_long_warm_up

WARM_UP = dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=500)
STEPS = dict(type="MultiStepLR", milestones=[170, 200], by_epoch=True, end=210)


@pytest.mark.parametrize(
    ("iterations", "end"), [(5000, 500), (4990, 499), (600, 60), (60, 6), (20, 2), (5, 2), (1, 2)]
)
def test_a_warm_up_takes_a_tenth_at_most(iterations: int, end: int):
    assert in_iterations_of([WARM_UP, STEPS], iterations) == [{**WARM_UP, "end": end}, STEPS]


def test_it_is_said(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    in_iterations_of([WARM_UP], 60)
    assert "warm-up: 6 iterations, 500 before" in caplog.text


@pytest.mark.parametrize(
    "first", [dict(type="QuadraticWarmupLR"), dict(type="ConstantLR", factor=0.1)], ids=lambda s: s["type"]
)
def test_every_kind_of_warm_up(first: dict):
    (found,) = in_iterations_of([dict(**first, by_epoch=False, begin=0, end=500)], 60)
    assert found["end"] == 6


def test_what_begins_at_its_end_moves_along():
    """1,000 of 40,000 iterations, then 1,000 of 5,000."""
    warm_up = dict(type="LinearLR", by_epoch=False, begin=0, end=1000)
    cosine = dict(type="CosineAnnealingLR", by_epoch=False, begin=1000, end=5000, T_max=4000)
    assert in_iterations_of([warm_up, cosine], 5000) == [
        {**warm_up, "end": 500}, {**cosine, "begin": 500, "T_max": 4500},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [
        (dict(type="CosineAnnealingLR", T_max=6000), dict(T_max=60)),
        (dict(type="OneCycleLR", eta_max=1, total_steps=6000), dict(total_steps=60)),
        (dict(type="OneCycleLR", eta_max=1, total_steps=30), dict(total_steps=60)),
        (dict(type="MultiStepLR", milestones=[4000, 6000]), dict(milestones=[40, 60])),
        (dict(type="CyclicLR", step_size_up=2000), dict(step_size_up=30.0)),
        (dict(type="StepLR", step_size=600), dict(step_size=60)),
        (dict(type="StepLR", step_size=6), dict(step_size=6)),
        (dict(type="CosineRestartLR", periods=[200, 400]), dict(periods=[20, 40])),
        (dict(type="PolyLR", begin=0, end=600), dict(begin=0, end=60)),
        (dict(type="LinearLR", start_factor=1.0, end_factor=0.1, end=600), dict(end=60)),
    ],
    ids=str,
)
def test_a_schedule_in_iterations_is_stretched(scheduler: dict, expected: dict):
    """To sixty iterations; a warm-up of the same schedule goes with it, from 600 to 6 of 6,000 to 60."""
    (found,) = in_iterations_of([dict(**scheduler, by_epoch=False)], 60)
    assert {key: found[key] for key in expected} == expected


def test_the_rate_is_reached(training):
    """24 iterations: MMPose's warm-up leaves 5 % of the rate at the end; its longest here is two."""
    long = training([WARM_UP, STEPS]).first
    assert max(long) < 0.006  # data of others: it stays as it is
    short = training(in_iterations_of([WARM_UP, STEPS], 24)).first
    assert short[0] == pytest.approx(0.0001) and short[1:] == pytest.approx([0.1] * 23)


def test_a_warm_up_that_is_left_is_told(caplog: pytest.LogCaptureFixture):
    tell_long_warm_up([WARM_UP, STEPS], 500)
    assert not caplog.records
    tell_long_warm_up([WARM_UP, STEPS], 60)
    assert "warm-up of 500 iterations is longer than the training of 60" in caplog.text
