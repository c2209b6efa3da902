"""Half precision by one name."""

from pathlib import Path

import pytest
import torch

from kpplugins.config.load import load_config
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


def test_what_is_no_answer(root: Path):
    with pytest.raises(BadInputError, match="amp: neither True nor False; found 'yes'"):
        wrapper(root, amp="yes")
