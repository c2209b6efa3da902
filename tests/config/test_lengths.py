"""Lengths in the arguments of schedulers."""

import pytest

from kpplugins.config.lengths import is_length, is_warm_up, last_step_of, stretched


@pytest.mark.parametrize(
    ("scheduler", "found"),
    [
        (dict(type="OneCycleLR", total_steps=24, end=24), dict(total_steps=6, end=6)),
        (dict(type="MultiStepLR", milestones=[8, 16], end=10**9), dict(milestones=[2, 4], end=10**9)),
        (dict(type="CosineRestartLR", periods=[2, 8]), dict(periods=[1, 2])),
        (dict(type="CyclicLR", step_size_up=2, gamma=0.9), dict(step_size_up=0.5, gamma=pytest.approx(0.9**4))),
        (dict(type="ExponentialLR", gamma=0.98, end=200), dict(gamma=pytest.approx(0.98**4), end=50)),
        (dict(type="StepLR", step_size=1, gamma=0.1), dict(step_size=1)),
        # after one epoch MMEngine's would never give the rate back
        (dict(type="LinearLR", begin=0, end=5), dict(begin=0, end=1, convert_to_iter_based=True)),
        (dict(type="LinearLR", begin=0, end=5, by_epoch=False), dict(begin=0, end=1)),
        (dict(type="ConstantLR", factor=2.5, begin=280, end=281), dict(begin=70, end=71)),
    ],
    ids=lambda v: v.get("type"),
)  # fmt: skip
def test_a_quarter(scheduler: dict, found: dict):
    assert stretched(scheduler, 0.25) == found


@pytest.mark.parametrize(
    ("scheduler", "last"),
    [
        (dict(type="LinearLR", end=500), 500),
        (dict(type="CosineAnnealingLR", begin=100, T_max=300), 400),
        (dict(type="MultiStepLR", milestones=(3, 9), end=10**9), 9),
        (dict(type="CyclicLR", step_size_up=20, step_size_down=30), 50),
        (dict(type="CyclicLR", step_size_up=20), 40),
        (dict(type="CosineRestartLR", periods=[20, 30]), 50),
        (dict(type="ExponentialLR", gamma=0.9), 0),
    ],
    ids=str,
)
def test_the_last_step(scheduler: dict, last: int):
    assert last_step_of(scheduler) == last


def test_kinds():
    assert is_warm_up(dict(type="LinearLR")) and is_warm_up(dict(type="mmengine.LinearLR", start_factor=0.1))
    assert is_warm_up(dict(type="QuadraticWarmupLR", end=5)) and is_warm_up(dict(type="ConstantLR", begin=0))
    for other in (dict(type="LinearLR", start_factor=1, end_factor=0.1), dict(type="ConstantLR", factor=1)):
        assert not is_warm_up(other)
    assert not is_warm_up(dict(type="LinearLR", begin=5)) and not is_warm_up(dict(type="PolyLR"))
    assert (
        is_length(5)
        and is_length(0.5)
        and not is_length(10**9)
        and not is_length(True)
        and not is_length(None)
    )
