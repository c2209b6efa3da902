"""Checkpoints load without running code from the file."""

import functools
import http.server
import os
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging.history_buffer import HistoryBuffer

from kpplugins.compat.checkpoints import safe_load, trust_checkpoints
from kpplugins.structures import BadInputError


class Bomb:
    """Unpickling it creates a folder: what an attacker would do, harmlessly."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_what_training_writes_loads(tmp_path: Path):
    content = {
        "state_dict": {"w": torch.ones(2)},
        "message_hub": {"loss": HistoryBuffer([1.0, 2.0], [1, 1])},
        "meta": {
            "sigmas": np.float32([0.05]),
            "colors": np.zeros((2, 3), np.uint8),
            "none": np.zeros((0, 3), np.uint8),
            "epoch": np.int64(3),
        },
    }
    torch.save(content, tmp_path / "a.pth")
    loaded = safe_load(tmp_path / "a.pth")
    assert loaded["meta"]["epoch"] == 3
    assert loaded["message_hub"]["loss"].mean(2) == 1.5


def test_a_file_that_wants_to_run_code_is_refused_by_name_and_runs_nothing(tmp_path: Path):
    """A checkpoint whose pickle calls a function."""
    torch.save({"state_dict": {}, "x": Bomb(tmp_path / "ran")}, tmp_path / "a.pth")
    with pytest.raises(BadInputError, match=r"a\.pth: checkpoint wants to run .*mkdir.*--trust-checkpoint"):
        safe_load(tmp_path / "a.pth")
    assert not (tmp_path / "ran").exists()


class Reaching:
    """Pickled as ``getattr(HistoryBuffer, '__init__')``: a way to a function that was never named as safe."""

    def __reduce__(self):
        return getattr, (HistoryBuffer, "__init__")


def test_getattr_gives_the_statistics_of_a_history_buffer_only(tmp_path: Path):
    torch.save({"x": Reaching()}, tmp_path / "a.pth")
    with pytest.raises(BadInputError, match="wants to run getattr"):
        safe_load(tmp_path / "a.pth")


def test_the_state_of_every_scheduler_of_mmengine_loads(tmp_path: Path):
    from mmengine.optim import scheduler

    arguments = {
        "StepLR": dict(step_size=2),
        "MultiStepLR": dict(milestones=[1]),
        "ExponentialLR": dict(gamma=0.9),
        "CosineAnnealingLR": dict(T_max=3),
        "PolyLR": dict(),
        "LinearLR": dict(start_factor=0.1),
        "ConstantLR": dict(),
        "OneCycleLR": dict(eta_max=0.1, total_steps=9),
        "CosineRestartLR": dict(periods=[3], eta_min=0.0),
    }
    for name, kwargs in arguments.items():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1, momentum=0.9)
        state = getattr(scheduler, name)(optimizer, **kwargs).state_dict()
        torch.save({"param_schedulers": [state]}, tmp_path / f"{name}.pth")
        assert safe_load(tmp_path / f"{name}.pth")["param_schedulers"][0].keys() == state.keys()


def test_a_trusted_file_may(tmp_path: Path):
    torch.save({"x": Bomb(tmp_path / "ran")}, tmp_path / "a.pth")
    with trust_checkpoints(True):
        safe_load(tmp_path / "a.pth")
    assert (tmp_path / "ran").exists()
    with pytest.raises(BadInputError):  # and trust ends with the block
        safe_load(tmp_path / "a.pth")


def test_a_file_from_the_web_is_no_safer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A checkpoint from a web address that does so."""
    from mmengine.runner.checkpoint import CheckpointLoader

    from kpplugins.compat import checkpoints

    checkpoints.install()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    torch.save({"state_dict": {}, "x": Bomb(tmp_path / "ran")}, tmp_path / "bomb.pth")
    torch.save({"state_dict": {"w": torch.ones(1)}}, tmp_path / "good.pth")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        with pytest.raises(BadInputError, match="wants to run"):
            CheckpointLoader.load_checkpoint(f"{address}/bomb.pth")
        assert CheckpointLoader.load_checkpoint(f"{address}/good.pth")["state_dict"]["w"] == 1
        with pytest.raises(BadInputError, match="cannot be downloaded"):
            CheckpointLoader.load_checkpoint(f"{address}/gone.pth")
        server.shutdown()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps([1])[:5]])
def test_a_file_that_is_no_checkpoint(tmp_path: Path, content: bytes):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(BadInputError, match=r"a\.pth: not a whole checkpoint"):
        safe_load(tmp_path / "a.pth")


def test_a_truncated_checkpoint(tmp_path: Path):
    torch.save({"state_dict": {"w": torch.ones(1000)}}, tmp_path / "a.pth")
    (tmp_path / "a.pth").write_bytes((tmp_path / "a.pth").read_bytes()[:2000])
    with pytest.raises(BadInputError, match="not a whole checkpoint.*2000 bytes"):
        safe_load(tmp_path / "a.pth")
