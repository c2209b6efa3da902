"""The time of an iteration, and the time left, while the system's clock is set forwards and back."""

import itertools
import time

import pytest
from mmengine.logging import MessageHub


@pytest.mark.parametrize("jump", [1e9, -1e9])
def test_the_clock_jumps(training, monkeypatch: pytest.MonkeyPatch, jump: float):
    real, count = time.time, itertools.count()
    monkeypatch.setattr(time, "time", lambda: real() + jump * next(count))
    training([], epochs=2, default_hooks=dict(timer=dict(type="IterTimerHook")))
    hub = MessageHub.get_current_instance()
    for name in ("train/time", "train/data_time"):
        values = hub.get_scalar(name).data[0]
        assert len(values) and (values >= 0).all() and (values < 1e6).all()
    assert 0 <= hub.get_info("eta") < 1e6
