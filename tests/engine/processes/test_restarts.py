"""Which job resumes by itself."""

import os
from pathlib import Path

import pytest

from kpplugins.engine.processes.restarts import keep_job, told_restart


def job(monkeypatch: pytest.MonkeyPatch, folder: str, attempt: int) -> None:
    """What torchrun tells a process about its job."""
    monkeypatch.setenv(
        "TORCHELASTIC_ERROR_FILE", f"/tmp/torchelastic_a/{folder}/attempt_{attempt}/0/error.json"
    )


def saved(work_dir: Path) -> None:
    (work_dir / "last_checkpoint").write_text("epoch_1.pth")


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in os.environ if name.startswith(("TORCHELASTIC_", "SLURM_"))]:
        monkeypatch.delenv(name)


def test_a_job_that_saved_something_resumes_and_another_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    saved(tmp_path)  # by an earlier run
    job(monkeypatch, "none_x", 0)
    assert not told_restart(tmp_path)
    keep_job(tmp_path)
    os.utime(tmp_path / "last_checkpoint", (1, 1))
    job(monkeypatch, "none_x", 1)
    assert not told_restart(tmp_path)  # it saved nothing: the checkpoint is still the earlier run's
    saved(tmp_path)
    assert told_restart(tmp_path)
    job(monkeypatch, "none_y", 0)
    assert not told_restart(tmp_path)
    monkeypatch.delenv("TORCHELASTIC_ERROR_FILE")
    assert not told_restart(tmp_path)


def test_slurms_jobs_go_by_their_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_STEP_ID", "0")
    keep_job(tmp_path)
    saved(tmp_path)
    assert told_restart(tmp_path)  # the job was requeued
    monkeypatch.setenv("SLURM_STEP_ID", "1")
    assert not told_restart(tmp_path)  # its second training


def test_without_a_launcher_nothing_is_written(tmp_path: Path):
    keep_job(tmp_path)
    assert not list(tmp_path.iterdir())
