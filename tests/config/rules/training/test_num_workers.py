"""Data workers by the machine: none where they would take the cores from the network."""

import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from kpplugins.config.load import load_config
from kpplugins.config.rules.training import num_workers as rule
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError

SMALL, LARGE, GPU = ("cpu", 2, 2), ("cpu", 8, 8), ("cuda", 2, 2)


@pytest.fixture
def workers(root: Path, monkeypatch: pytest.MonkeyPatch):
    def found(
        machine: tuple[str, int, int], config: str | Path | Config = "custom_hourglass_small.py", **options
    ):
        device, cores, threads = machine
        monkeypatch.setattr(rule, "get_device", lambda: device)
        monkeypatch.setattr(rule, "available_cores", lambda: cores)
        monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
        config = root / "configs" / config if isinstance(config, str) else config
        cfg = load_config(config, schema=CAT_SCHEMA, cfg_options=options)
        loaders = [cfg[f"{part}_dataloader"] for part in ("train", "val", "test")]
        assert all(loader.persistent_workers == (loader.num_workers > 0) for loader in loaders)
        return [loader.num_workers for loader in loaders], cfg

    return found


@pytest.mark.parametrize(
    "config", ["custom_hourglass_small.py", "custom_centernet.py", "detector_rtmdet_tiny.py", "custom_hrnet_w32.py",
               "cat_hourglass.py"],
)  # fmt: skip
def test_none_where_the_network_uses_all_of_two_cores(workers, config: str):
    assert workers(SMALL, config)[0] == [0, 0, 0]
    for machine in (LARGE, GPU, ("cpu", 2, 1)):
        assert workers(machine, config)[0] == [2, 2, 2]


def test_what_the_user_says_stays(workers, tmp_path: Path, root: Path):
    assert workers(SMALL, **{"train_dataloader.num_workers": 2})[0] == [2, 0, 0]
    assert workers(SMALL, num_workers=1)[0] == workers(GPU, num_workers=1)[0] == [1, 1, 1]
    child = tmp_path / "child.py"
    base = f"_base_ = {str(root / 'configs/custom_hourglass_small.py')!r}\n"
    child.write_text(base + "train_dataloader = dict(num_workers=0, persistent_workers=False)\n")
    assert workers(GPU, child)[0] == [0, 2, 2]
    child.write_text(base + "num_workers = 3\n")
    assert workers(SMALL, child)[0] == [3, 3, 3]


def test_a_kept_config_is_settled_anew_on_another_machine(workers, tmp_path: Path):
    _, cfg = workers(SMALL)
    cfg.dump(tmp_path / "kept.py")
    assert workers(GPU, tmp_path / "kept.py")[0] == [2, 2, 2]
    assert workers(SMALL, tmp_path / "kept.py")[0] == [0, 0, 0]


@pytest.mark.parametrize("value", [-1, 1.5, True, "many"])
def test_other_values(workers, value):
    with pytest.raises(BadInputError, match='num_workers: not a number of workers; expected ≥ 0, or "auto"'):
        workers(SMALL, num_workers=value)


def test_the_cores_are_those_of_the_process_and_not_of_the_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda who: {0, 3, 5}, raising=False)
    assert rule.available_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert rule.available_cores() == 1
