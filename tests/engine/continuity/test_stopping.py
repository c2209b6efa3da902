"""Signals end a training where it can go on; a second training in its work dir stops."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from kpplugins.engine.continuity.continuity_hook import ContinuityHook
from kpplugins.engine.continuity.pending import VALIDATED, is_pending
from kpplugins.engine.continuity.state import INTERIM, LENGTH
from kpplugins.engine.continuity.stop_signals import StopSignals
from kpplugins.engine.continuity.work_dir_lock import LOCK, WorkDirLock
from kpplugins.structures import BadInputError

ENDS = {"SIGTERM": 143, "SIGHUP": 129, "SIGUSR1": 138, "SIGUSR2": 140}


@HOOKS.register_module()
class Tell(Hook):
    """Sends its own process a signal in an iteration."""

    priority = "HIGHEST"

    def __init__(self, number: int, iteration: int = 5, times: int = 1) -> None:
        self.number, self.iteration, self.times = int(number), iteration, times

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        if runner.iter + 1 == self.iteration:
            for _ in range(self.times):
                os.kill(os.getpid(), self.number)
                time.sleep(0)  # here Python looks for signals


def tell(name: str, **options: int) -> list[dict]:
    return [dict(type="Tell", number=int(getattr(signal, name)), **options)]


@pytest.mark.parametrize("name", ENDS)
def test_a_signal_saves_within_the_epoch_and_ends(training, tmp_path: Path, name: str):
    before = signal.getsignal(getattr(signal, name))
    with pytest.raises(SystemExit) as end:
        training(None, custom_hooks=tell(name))
    assert end.value.code == ENDS[name] and signal.getsignal(getattr(signal, name)) == before
    kept = tmp_path / "run/iter_5.pth"
    assert (tmp_path / "run/last_checkpoint").read_text() == str(kept)
    content = torch.load(kept, weights_only=False)
    assert (content["meta"]["epoch"], content["meta"]["iter"], content["meta"][LENGTH]) == (0, 5, 6)
    assert content["message_hub"]["runtime_info"][INTERIM] == "iter_5.pth"


def test_ctrl_c_does_too_and_the_next_checkpoint_replaces_the_file(training, tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        training(None, custom_hooks=tell("SIGINT"))
    runner = training(None, resume=str(tmp_path / "run/iter_5.pth"))
    assert len(runner.rates) == 24 - 5
    assert not (tmp_path / "run/iter_5.pth").exists() and (tmp_path / "run/epoch_4.pth").is_file()


def test_the_second_ctrl_c_ends_at_once(training, tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        training(None, custom_hooks=tell("SIGINT", times=2))
    assert not list((tmp_path / "run").glob("*.pth"))


def test_a_signal_in_the_last_iteration_ends_a_training_that_is_complete(training, tmp_path: Path):
    with pytest.raises(SystemExit):
        training(None, custom_hooks=tell("SIGTERM", iteration=24))
    runner = training(None, resume=str(tmp_path / "run/iter_24.pth"))
    assert runner.rates == [] and (tmp_path / "run/epoch_4.pth").is_file()


@pytest.mark.parametrize("sampler", ["InfiniteSampler", "DefaultSampler"])
def test_a_training_by_iterations_goes_on_too(training, tmp_path: Path, sampler: str, monkeypatch):
    monkeypatch.setattr("mmengine.runner.loops.time.sleep", lambda _: None)  # two seconds at each epoch
    loader = dict(
        dataset=dict(type="TinyNumbers", length=5), batch_size=2, num_workers=0,
        sampler=dict(type=sampler, shuffle=True, seed=3), collate_fn=dict(type="pseudo_collate"),
    )  # fmt: skip
    common = dict(
        train_cfg=dict(by_epoch=False, max_iters=5), train_dataloader=loader, randomness=dict(seed=0)
    )
    hook = dict(type="CheckpointHook", by_epoch=False, interval=5)
    common["default_hooks"] = dict(checkpoint=hook)
    whole = training(None, **common).model.state_dict()
    with pytest.raises(SystemExit):
        training(None, custom_hooks=tell("SIGTERM", iteration=2), **common)
    resumed = training(None, resume=str(tmp_path / "run/iter_2.pth"), **common).model.state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_what_the_process_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with StopSignals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signals.received == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_gradients_that_wait_for_a_step_are_kept(training, tmp_path: Path):
    common = dict(
        randomness=dict(seed=0), optim_wrapper=dict(accumulative_counts=4, optimizer=dict(type="SGD", lr=0.1))
    )
    whole = training(None, **common).model.state_dict()
    with pytest.raises(SystemExit):
        training(None, custom_hooks=tell("SIGTERM"), **common)
    again = training(None, resume=str(tmp_path / "run/iter_5.pth"), **common)
    resumed = again.model.state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_only_what_says_so_lacks_a_validation():
    assert [is_pending(told, 9) for told in ({}, {VALIDATED: 9}, {VALIDATED: 6}, {VALIDATED: -1})] == [
        False, False, True, True,
    ]  # fmt: skip
    assert ContinuityHook.priority == "LOWEST"


def test_a_second_training_is_told_who_trains(tmp_path: Path):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            held = WorkDirLock(tmp_path / "run")
            held.__enter__()
            os.write(writing, b"1")
            time.sleep(60)
        finally:
            os._exit(1)
    os.read(reading, 1)
    with pytest.raises(BadInputError, match=rf"run: a training is running in .*process {child} on .*, since 20"), \
            WorkDirLock(tmp_path / "run"):  # fmt: skip
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with WorkDirLock(tmp_path / "run"):
        assert json.loads((tmp_path / "run" / LOCK).read_text())["pid"] == os.getpid()
    assert list((tmp_path / "run").iterdir()) == []
