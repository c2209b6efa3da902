import time
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper

import kpplugins.register  # noqa: F401
from kpplugins.engine import CpuAmpOptimWrapper, ProgressBarHook


def test_cpu_amp_runs_forward_in_bfloat16_and_keeps_float32_weights():
    model = torch.nn.Linear(4, 2)
    wrapper = CpuAmpOptimWrapper(optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    assert isinstance(wrapper, OptimWrapper)
    before = model.weight.detach().clone()
    with wrapper.optim_context(model):
        output = model(torch.ones(1, 4))
    assert output.dtype == torch.bfloat16
    wrapper.update_params(output.float().sum())
    assert model.weight.dtype == torch.float32
    assert not torch.equal(before, model.weight)


def test_the_time_left_follows_no_clock_that_is_set(monkeypatch: pytest.MonkeyPatch):
    hook = ProgressBarHook(disable=False)
    hook.before_train(SimpleNamespace(max_iters=10, iter=0, epoch=0))
    for jump in (1e9, -1e9):
        monkeypatch.setattr(time, "time", lambda jump=jump: jump)
        hook._bars["train"].update()
        assert 0 <= hook._bars["train"].format_dict["elapsed"] < 1e6
    hook.after_train(SimpleNamespace())


def test_the_bar_starts_where_a_resumed_run_does_and_closes(capsys: pytest.CaptureFixture):
    hook = ProgressBarHook(disable=False)
    runner = SimpleNamespace(max_iters=10, iter=4, epoch=2)
    hook.before_train(runner)
    bar = hook._bars["train"]
    assert (bar.n, bar.total) == (4, 10)
    hook.after_train_iter(runner, 0, outputs={"loss": torch.tensor(0.5)})
    assert bar.n == 5
    hook.after_train(runner)
    assert hook._bars == {}
    assert "train" in capsys.readouterr().err
