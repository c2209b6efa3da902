"""The learning rate of a part of the model reaches it, whatever the scheduler."""

import logging

import pytest
import torch

from kpplugins.engine.schedules.groups import by_group, require_floor_below
from kpplugins.structures import BadInputError

ONE_CYCLE = dict(type="OneCycleLR", eta_max=0.1, total_steps=24, by_epoch=False)
CYCLIC = dict(type="CyclicLR", base_lr=0.01, max_lr=0.1, step_size_up=12, by_epoch=False)


def parts(**of_backbone) -> dict:
    keys = {"backbone": of_backbone}
    return dict(optimizer=dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=0.1),
                paramwise_cfg=dict(custom_keys=keys))  # fmt: skip


@pytest.mark.parametrize("scheduler", [ONE_CYCLE, CYCLIC], ids=lambda s: s["type"])
def test_lr_mult_is_kept_at_every_step(training, scheduler: dict):
    """The backbone's four tensors are the first groups, the head's two the last."""
    plain = training(scheduler).first
    rows = training(scheduler, optim_wrapper=parts(lr_mult=0.01)).rates
    assert [row[-1] for row in rows] == plain
    assert [row[0] for row in rows] == pytest.approx([rate / 100 for rate in plain])
    assert max(plain) == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize("scheduler", [ONE_CYCLE, CYCLIC], ids=lambda s: s["type"])
def test_lr_mult_0_changes_no_weight(training, scheduler: dict):
    runner = training(scheduler, optim_wrapper=parts(lr_mult=0))
    torch.manual_seed(0)
    assert {rate for row in runner.rates for rate in row[:4]} == {0.0}
    assert len({row[-1] for row in runner.rates}) > 3


def test_auto_scale_lr_reaches_a_one_cycle_schedule(training):
    """Batches of two for a rate that was chosen for eight."""
    scaled = training(ONE_CYCLE, auto_scale_lr=dict(enable=True, base_batch_size=8)).first
    assert scaled == pytest.approx([rate / 4 for rate in training(ONE_CYCLE).first])


def optimizer_of(*rates: float, default: float = 0.1) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": r} for r in rates], lr=default
    )


def test_a_cyclic_schedule_of_the_groups_own_rates_keeps_them():
    scheduler = dict(type="CyclicLR", base_lr=None, max_lr=0.3, step_size_up=4)
    assert by_group(scheduler, optimizer_of(0.1, 0.01)) == scheduler


def test_what_rules_is_named(caplog: pytest.LogCaptureFixture):
    assert by_group(ONE_CYCLE, optimizer_of(1e-6, default=1e-6)) == ONE_CYCLE
    assert "ruled by OneCycleLR (eta_max=0.1); optim_wrapper.optimizer.lr=1e-06 has no effect" in caplog.text


def test_a_floor_above_the_rate_of_a_group(caplog: pytest.LogCaptureFixture):
    cosine = dict(type="CosineAnnealingLR", eta_min=0.005)
    require_floor_below(cosine, optimizer_of(0.1, 0.005))
    assert not caplog.records
    require_floor_below(cosine, optimizer_of(0.1, 0.001))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING and "0.001 to eta_min=0.005" in record.message
    with pytest.raises(
        BadInputError, match="lr_mult=0 would change nothing.*raises every rate to eta_min=0.005"
    ):
        require_floor_below(cosine, optimizer_of(0.1, 0))
