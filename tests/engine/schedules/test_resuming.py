"""A resumed run follows the schedule of its own length, as a run that was never stopped."""

import logging
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from kpplugins.engine.schedules.resuming import finished_at
from kpplugins.structures import BadInputError

WARM_UP = dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=4)


def one_cycle(epochs: int) -> dict:
    return dict(type="OneCycleLR", eta_max=0.1, total_steps=epochs, by_epoch=True, convert_to_iter_based=True)


SCHEDULES = {
    "one cycle": one_cycle,
    "one cycle, by epoch": lambda e: dict(type="OneCycleLR", eta_max=0.1, total_steps=e, by_epoch=True),
    "cyclic": lambda e: dict(type="CyclicLR", base_lr=0.01, max_lr=0.1, step_size_up=e / 2, by_epoch=True,
                             convert_to_iter_based=True),
    "cosine after a warm-up": lambda e: [WARM_UP, dict(type="CosineAnnealingLR", T_max=e, eta_min=0.001, by_epoch=True,
                                                       convert_to_iter_based=True)],
    "cosine, by epoch": lambda e: dict(type="CosineAnnealingLR", T_max=e, by_epoch=True),
    "steps after a warm-up": lambda e: [WARM_UP, dict(type="MultiStepLR", milestones=[e // 2, e - 1], by_epoch=True)],
    "step": lambda e: dict(type="StepLR", step_size=max(e // 3, 1), by_epoch=True),
    "poly": lambda e: dict(type="PolyLR", power=2, end=e, by_epoch=True),
    "exponential": lambda e: dict(type="ExponentialLR", gamma=0.5 ** (1 / e), by_epoch=True),
    "restarts": lambda e: dict(type="CosineRestartLR", periods=[e // 2, e], restart_weights=[1, 0.5], eta_min=0.0),
    "quadratic": lambda e: dict(type="QuadraticWarmupLR", by_epoch=False, begin=0, end=5),
    "constant": lambda e: dict(type="ConstantLR", factor=0.5, by_epoch=True, begin=0, end=e // 2),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULES)
def test_more_epochs_of_larger_batches(training, name: str):
    """Two epochs of six iterations, then up to six epochs of four."""
    schedule = SCHEDULES[name]
    short = training(schedule(2), epochs=2)
    resumed = training(schedule(6), epochs=6, batch=3, resume=f"{short.work_dir}/epoch_2.pth")
    straight = training(schedule(6), epochs=6, batch=3)
    assert len(straight.first) == 24 and len(set(straight.first)) > 1
    assert resumed.first == straight.first[8:]
    assert resumed.iter == 24


def test_more_images(training):
    """Batches of two: six iterations an epoch, then ten."""
    short = training(one_cycle(4), epochs=2)
    more = training(one_cycle(4), epochs=4, images=20, resume=f"{short.work_dir}/epoch_2.pth")
    assert more.first == training(one_cycle(4), epochs=4, images=20).first[20:]


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_same_run_goes_on_to_the_bit(training, name: str, monkeypatch: pytest.MonkeyPatch):
    """Without computing its schedule anew, which takes a minute in a long training with many groups."""
    schedule = SCHEDULES[name](4)
    whole = training(schedule)
    monkeypatch.setattr("kpplugins.engine.schedules.resuming._steps", lambda loop: pytest.fail("anew"))
    assert training(schedule, resume=f"{whole.work_dir}/epoch_2.pth").first == whole.first[12:]


def test_a_scheduler_that_is_left_out_has_no_effect(training):
    """A tenth of the rate after the first epoch, then a run without that step."""
    step = dict(type="MultiStepLR", milestones=[1], by_epoch=True)
    late = dict(type="MultiStepLR", milestones=[3], by_epoch=True)
    short = training([late, step], epochs=2)
    assert short.first[-1] == pytest.approx(0.01)
    assert training([late], resume=f"{short.work_dir}/epoch_2.pth").first == pytest.approx(
        [0.1] * 6 + [0.01] * 6
    )


def test_iterations_counted_without_epochs(training):
    def cosine(n: int) -> dict:
        return dict(type="CosineAnnealingLR", T_max=n, by_epoch=False)

    def loop(n: int) -> dict:
        return dict(type="IterBasedTrainLoop", max_iters=n, val_interval=100)

    hooks = dict(checkpoint=dict(type="CheckpointHook", by_epoch=False, interval=5))
    short = training(cosine(10), train_cfg=loop(10), default_hooks=hooks)
    longer = training(
        cosine(30), train_cfg=loop(30), default_hooks=hooks, resume=f"{short.work_dir}/iter_10.pth"
    )
    straight = training(cosine(30), train_cfg=loop(30), default_hooks=hooks)
    assert longer.first == straight.first[10:]


def test_another_learning_rate_and_weight_decay_are_followed(training, caplog: pytest.LogCaptureFixture):
    """Half the rate; MMEngine's resumed run would keep the checkpoint's."""
    steps = dict(type="MultiStepLR", milestones=[3], by_epoch=True)
    short = training(steps, epochs=2)
    caplog.set_level(logging.INFO)
    resumed = training(
        steps, resume=f"{short.work_dir}/epoch_2.pth",
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.05, momentum=0.9, weight_decay=0.01)),
    )  # fmt: skip
    assert resumed.first == pytest.approx([0.05] * 6 + [0.005] * 6)
    assert resumed.optim_wrapper.optimizer.param_groups[0]["weight_decay"] == 0.01
    assert "weight_decay 0.01 as the config says, 0 in the checkpoint" in caplog.text
    assert "learning rate 0.05, 0.1 in the checkpoint" in caplog.text


@pytest.mark.parametrize("fused", [False, True])
def test_a_step_is_computed_as_the_state_of_the_checkpoint_is_made_for(training, fused: bool):
    """A GPU's fused steps need their counters there, which those of a checkpoint without them are not."""
    adam = dict(type="AdamW", lr=0.1)
    short = training(None, epochs=2, optim_wrapper=dict(optimizer=dict(**adam, fused=fused)))
    resumed = training(
        None, resume=f"{short.work_dir}/epoch_2.pth",
        optim_wrapper=dict(optimizer=dict(**adam, weight_decay=0.5, fused=not fused)),
    )  # fmt: skip
    (group,) = resumed.optim_wrapper.optimizer.param_groups
    assert bool(group["fused"]) is fused and group["weight_decay"] == 0.5


def test_a_schedule_without_schedulers(training):
    short = training(None, epochs=2)
    resumed = training(None, resume=f"{short.work_dir}/epoch_2.pth", optim_wrapper=dict(
        optimizer=dict(type="SGD", lr=0.02, momentum=0.9)))  # fmt: skip
    assert set(resumed.first) == {0.02}


@pytest.mark.parametrize(
    "setting",
    [
        dict(optimizer=dict(type="AdamW", lr=0.1)),
        dict(optimizer=dict(type="SGD", lr=0.1, momentum=0.9), paramwise_cfg=dict(norm_decay_mult=0)),
    ],
    ids=["AdamW", "groups"],
)
def test_another_optimizer_is_one_line(training, setting: dict):
    short = training(one_cycle(2), epochs=2)
    setting["optimizer"]["weight_decay"] = 0.0
    with pytest.raises(BadInputError, match="the checkpoint's optimizer is another one.*load_from"):
        training(one_cycle(4), resume=f"{short.work_dir}/epoch_2.pth", optim_wrapper=setting)


def test_what_is_over():
    def asked(content: dict, **settings) -> str | None:
        return finished_at(content, Config(settings))

    done = dict(meta=dict(epoch=4, iter=40))
    assert asked(done, train_cfg=dict(max_epochs=4)) == "epoch 4 of 4 is done"
    assert asked(done, train_cfg=dict(max_epochs=2)) == "epoch 4 of 2 is done"
    assert asked(done, train_cfg=dict(max_epochs=5)) is None
    assert asked(done, train_cfg=dict(max_iters=40)) == "iteration 40 of 40 is done"
    assert asked(done, train_cfg=dict(max_iters=41)) is None
    assert asked({"state_dict": {}}, train_cfg=dict(max_epochs=5)) is None
    spent = dict(**done, message_hub=dict(runtime_info=dict(time_budget_spent=61.0, time_budget_over=True)))
    hooks = [dict(type="TimeBudgetHook", minutes=1)]
    assert asked(spent, train_cfg=dict(max_epochs=9), custom_hooks=hooks) == "its 1 minutes are over"
    hooks = [dict(type="TimeBudgetHook", minutes=2)]
    assert asked(spent, train_cfg=dict(max_epochs=9), custom_hooks=hooks) is None


def test_another_momentum(training):
    """Under a schedule of the rate it is the config's."""
    short = training(one_cycle(4), epochs=2)
    setting = dict(optimizer=dict(type="SGD", lr=0.1, momentum=0.5))
    resumed = training(one_cycle(4), resume=f"{short.work_dir}/epoch_2.pth", optim_wrapper=setting)
    assert resumed.optim_wrapper.optimizer.param_groups[0]["momentum"] == 0.5


def test_what_follows_a_metric_stays_as_it_was(training, caplog: pytest.LogCaptureFixture):
    plateau = dict(type="ReduceOnPlateauLR", monitor="loss", by_epoch=True)
    short = training(plateau, epochs=2)
    setting = dict(optimizer=dict(type="SGD", lr=0.2, momentum=0.9))
    longer = training(plateau, epochs=4, resume=f"{short.work_dir}/epoch_2.pth", optim_wrapper=setting)
    assert "learning rate: not 0.2, but on from 0.1" in caplog.text
    assert longer.param_schedulers[0].end == 4 and set(longer.first) == {0.1}


def test_weights_alone_are_no_run(training, tmp_path: Path):
    short = training(None, epochs=1)
    torch.save({"state_dict": short.model.state_dict()}, tmp_path / "weights.pth")
    with pytest.raises(BadInputError, match="no training to resume.*load_from"):
        training(None, resume=str(tmp_path / "weights.pth"))
