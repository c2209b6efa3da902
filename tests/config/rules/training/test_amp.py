"""Half precision by one name."""

from pathlib import Path

import pytest
import torch

from kpplugins.config.load import load_config
from kpplugins.config.rules.training import amp as rule
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError


def wrapper(root: Path, **options) -> str:
    cfg = load_config(root / "configs/cat_hourglass.py", schema=CAT_SCHEMA, cfg_options=options)
    return cfg.optim_wrapper.get("type", "OptimWrapper")


def test_the_optimiser_follows_the_device(root: Path, monkeypatch: pytest.MonkeyPatch):
    assert wrapper(root) == wrapper(root, amp=False) == "OptimWrapper"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert wrapper(root, amp=True) == "mmpose.CpuAmpOptimWrapper"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert wrapper(root, amp=True) == "AmpOptimWrapper"


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("fast", [False, True])
def test_auto_is_for_processors_with_bfloat16(
    root: Path, monkeypatch: pytest.MonkeyPatch, gpu: bool, fast: bool
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(rule, "fast_bfloat16", lambda: fast)
    expected = "mmpose.CpuAmpOptimWrapper" if fast and not gpu else "OptimWrapper"
    assert wrapper(root, amp="auto") == expected


def test_the_processor_is_asked(monkeypatch: pytest.MonkeyPatch):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    assert rule.fast_bfloat16() is False
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True, raising=False)
    assert rule.fast_bfloat16() is True
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name)
    assert rule.fast_bfloat16() is False


def test_what_is_no_answer(root: Path):
    with pytest.raises(BadInputError, match="amp: neither True nor False nor .auto.; found 'yes'"):
        wrapper(root, amp="yes")
