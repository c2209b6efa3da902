"""``.safetensors``: tensors and texts alone."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from kpplugins.compat.checkpoints import safe_load, trust_checkpoints
from kpplugins.compat.safetensors_files import read_safetensors
from kpplugins.structures import BadInputError


def test_tensors_and_meta(tmp_path: Path):
    save_file(
        {"a": torch.ones(2, 3, dtype=torch.bfloat16)}, tmp_path / "x.safetensors", {"meta": '{"epoch": 3}'}
    )
    content = safe_load(str(tmp_path / "x.safetensors"))
    assert content["meta"] == {"epoch": 3} and content["state_dict"]["a"].dtype == torch.bfloat16


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "[:10]])
@pytest.mark.parametrize("trust", [False, True])
def test_what_is_none_is_refused(tmp_path: Path, content: bytes, trust: bool):
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(BadInputError, match="not a whole file of weights"), trust_checkpoints(trust):
        safe_load(str(tmp_path / "x.safetensors"))


@pytest.mark.parametrize("text", ["[", "[1]", "[" * 100_000])
def test_a_meta_that_is_no_dict_is_refused(tmp_path: Path, text: str):
    save_file({"a": torch.ones(1)}, tmp_path / "x.safetensors", {"meta": text})
    with pytest.raises(BadInputError, match="what this file says of its weights is not JSON"):
        read_safetensors(tmp_path / "x.safetensors")


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        read_safetensors(tmp_path / "gone.safetensors")
