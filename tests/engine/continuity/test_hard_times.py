"""Real processes that are killed, told to stop, or run out of space."""

import os
from pathlib import Path
from typing import Any

import pytest
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from benchmarks.chaos import differences, prepared
from kpplugins.apis.train import train
from kpplugins.structures import BadInputError

TO_THE_GROUP = """
import os, signal, sys, multiprocessing
from mmengine.hooks import Hook
from mmpose.registry import HOOKS
from kpplugins.commands.train import main

@HOOKS.register_module()
class TellAll(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 2:
            print("WORKERS", *[child.pid for child in multiprocessing.active_children()], flush=True)
            os.killpg(0, getattr(signal, sys.argv[1]))

os.setpgid(0, 0)
sys.exit(main(sys.argv[2:]))
"""
MOMENTS = ("start", "log", "checkpoint", "best", "end")


@HOOKS.register_module()
class FillDisk(Hook):
    """Leaves so many bytes of a disk at a moment."""

    priority = "HIGHEST"

    def __init__(self, disk: str, moment: str, left: int) -> None:
        self.disk, self.moment, self.left = Path(disk), moment, left

    def fill(self) -> None:
        room = os.statvfs(self.disk)
        (self.disk / "filler").write_bytes(b"1" * max(room.f_bavail * room.f_frsize - self.left, 0))

    def before_train_epoch(self, runner: Any) -> None:
        if self.moment in ("log", "checkpoint") and runner.epoch == 1:
            self.fill()

    def before_val_epoch(self, runner: Any) -> None:
        if self.moment == "best" and runner.epoch == 1:
            self.fill()

    def after_run(self, runner: Any) -> None:
        if self.moment == "end":
            self.fill()


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of three epochs with two workers, on drawn cats."""
    return prepared(tmp_path_factory.mktemp("hard"), 2)


@pytest.fixture(scope="module")
def alone(config: Path) -> Path:
    """The same without workers."""
    text = config.read_text().replace(
        "num_workers=2, persistent_workers=2 > 0", "num_workers=0, persistent_workers=False"
    )
    (config.parent / "alone.py").write_text(text)
    return config.parent / "alone.py"


@pytest.fixture(scope="module")
def whole(alone: Path) -> Path:
    """The end of a training that was never stopped."""
    return train(alone, work_dir=alone.parent / "whole")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_to_all_processes_leaves_none(
    config: Path, whole: Path, heavy_forks, tmp_path: Path, name, status
):
    told = tmp_path / "chaos.py"
    told.write_text(config.read_text().replace("custom_hooks = [", 'custom_hooks = [dict(type="TellAll"), '))
    argv = ["-c", TO_THE_GROUP, name, str(told), "--work-dir", str(tmp_path / "run")]
    done = heavy_forks.run(argv, tmp_path)
    assert done.returncode == status, done.stderr[-2000:]
    workers = next(line.split()[1:] for line in done.stdout.splitlines() if line.startswith("WORKERS"))
    assert len(workers) == 2 and not any(Path(f"/proc/{pid}").exists() for pid in workers)
    assert "Traceback" not in done.stderr
    train(whole.parent / "alone.py", work_dir=tmp_path / "run", resume=True)
    assert differences(whole, tmp_path / "run") == []


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(
    alone: Path, whole: Path, small_disk, tmp_path: Path, moment: str
):
    disk, left = small_disk("20m"), {"checkpoint": 150_000, "best": 100_000}.get(moment, 0)
    hook = f'dict(type="FillDisk", disk="{disk}", moment="{moment}", left={left})'
    config = tmp_path / "full.py"
    config.write_text(alone.read_text().replace("custom_hooks = [", f"custom_hooks = [{hook}, "))
    if moment == "start":
        FillDisk(disk, moment, 0).fill()
    with pytest.raises(BadInputError, match="No space left on device") as error:
        train(config, work_dir=disk / "run")
    assert "\n" not in str(error.value)
    assert not list(disk.rglob(".part-*")) and not list(disk.rglob(".lock"))
    (disk / "filler").unlink()
    train(alone, work_dir=disk / "run", resume=moment != "start")
    assert differences(whole, disk / "run") == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_twenty_kills_leave_no_trace(root: Path, heavy_forks):
    """As ``python -m benchmarks.chaos --kills 100`` does, whose table is in docs/robustness.md."""
    code = "import sys; from benchmarks.chaos import main; sys.exit(main(sys.argv[1:]))"
    done = heavy_forks.run(["-c", code, "--kills", "20", "--each", "10", "--seed", "1"], root)
    assert "20 kills" in done.stdout and "20 ended bit-equal" in done.stdout, (
        done.stdout + done.stderr[-2000:]
    )
    assert done.returncode == 0
