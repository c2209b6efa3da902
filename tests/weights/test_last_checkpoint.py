"""Which checkpoint a run goes on from, also when the newest is damaged."""

import os
from pathlib import Path

import pytest
import torch

from kpplugins.structures import BadInputError
from kpplugins.weights.last_checkpoint import fault_of, last_checkpoint


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A work dir with checkpoints of epochs 1 and 2; the pointer names the second by the path that it had before."""
    for epoch in (1, 2):
        torch.save({"state_dict": {"a": torch.arange(4000.0) + epoch}}, tmp_path / f"epoch_{epoch}.pth")
        os.utime(tmp_path / f"epoch_{epoch}.pth", (epoch, epoch))
    (tmp_path / "last_checkpoint").write_text("/elsewhere/epoch_2.pth")
    return tmp_path


def test_the_named_one(run: Path):
    assert last_checkpoint(run).name == "epoch_2.pth"
    (run / "last_checkpoint").write_text(str(run / "epoch_1.pth"))
    assert last_checkpoint(run).name == "epoch_1.pth"


@pytest.mark.parametrize("damage", ["cut off", "a flipped bit", "empty", "no checkpoint"])
def test_a_damaged_one_is_told_and_the_one_before_it_taken(run: Path, damage: str, caplog):
    content = bytearray((run / "epoch_2.pth").read_bytes())
    content[len(content) // 2] ^= 1
    damaged = {"cut off": content[:9000], "a flipped bit": content, "empty": b"", "no checkpoint": b"x" * 99}
    (run / "epoch_2.pth").write_bytes(damaged[damage])
    assert last_checkpoint(run).name == "epoch_1.pth"
    (line,) = caplog.messages
    assert (
        "epoch_2.pth is damaged" in line
        and "resumed from the one before it" in line
        and "epoch_1.pth" in line
    )


def test_without_a_pointer_the_newest(run: Path):
    (run / "last_checkpoint").write_text("")
    assert last_checkpoint(run).name == "epoch_2.pth"


def test_nothing_whole_is_one_line(run: Path):
    for epoch in (1, 2):
        (run / f"epoch_{epoch}.pth").write_bytes(b"")
    (run / "best_AP_epoch_1.pth").touch()
    with pytest.raises(
        BadInputError, match="nothing to resume.*epoch_2.pth is damaged.*load_from = 'best_AP_epoch_1"
    ):
        last_checkpoint(run)


def test_files_of_old_pytorch_have_no_checksums(tmp_path: Path):
    torch.save({"a": 1}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert fault_of(tmp_path / "old.pth") is None
