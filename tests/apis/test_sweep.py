"""A sweep of tiny trainings on drawn cats: killed, resumed, tabulated."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from kpplugins.apis.sweep import sweep
from kpplugins.config.load import load_config
from kpplugins.structures import BadInputError

TINY = """
_base_ = '{base}'
input_size = (64, 64)
model = dict(backbone=dict(channels=16), head=dict(in_channels=16, depth=2))
train_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0, persistent_workers=False)
test_dataloader = dict(num_workers=0, persistent_workers=False)
train_cfg = dict(val_interval=1)
default_hooks = dict(logger=dict(interval=1))
"""
SPACE = ["lr=log:1e-4:1e-2", "box_padding=one:1.0|1.25"]


@pytest.fixture(scope="module")
def tiny(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("swept") / "tiny.py"
    path.write_text(TINY.format(base=root / "configs/cat_hourglass_sample.py"))
    return path


def command(root: Path, tiny: Path, data: Path, out: Path, trials: int) -> list[str]:
    return [
        sys.executable, str(root / "tools/sweep.py"), str(tiny), "--data", str(data), "--space", *SPACE,
        "--epochs", "1", "--trials", str(trials), "--metric", "EPE", "--out", str(out),
    ]  # fmt: skip


def test_a_kill_loses_only_the_running_trial(root: Path, tiny: Path, drawn_cats: Path, tmp_path: Path):
    pytest.importorskip("optuna", reason="the extra 'sweep' is not installed")
    out = tmp_path / "out"
    process = subprocess.Popen(command(root, tiny, drawn_cats, out, 3), stdout=subprocess.DEVNULL)
    for _ in range(1200):  # until the second is on its way
        if (out / "trial_001").is_dir():
            break
        assert process.poll() is None
        time.sleep(0.1)
    others = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert not psutil.wait_procs(others, timeout=20)[1]  # no training goes on without it
    first = (out / "trial_000/recipe.json").stat().st_mtime_ns
    done = subprocess.run(command(root, tiny, drawn_cats, out, 2), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "trial 1 was stopped: it is begun again" in done.stderr and "trial 1 of" not in done.stderr
    assert (out / "trial_000/recipe.json").stat().st_mtime_ns == first
    rows = json.loads((out / "sweep.json").read_text())["trials"]
    assert [row["number"] for row in rows] == [0, 1] and all(row["value"] > 0 for row in rows)
    for row in rows:
        kept = (Path(row["work_dir"]) / "tiny.py").read_text()
        assert f"lr={row['values']['lr']}" in kept
    table = (out / "sweep.md").read_text()
    assert table in done.stdout and re.search(r"\| trial +\| lr +\| box_padding +\| EPE \(val\)", table)
    best = min(rows, key=lambda row: row["value"])
    assert table.splitlines()[2].startswith(f"| trial_{best['number']:03d}")
    cfg = load_config(out / "best.py")
    assert cfg.optim_wrapper.optimizer.lr == best["values"]["lr"] and cfg.train_cfg.max_epochs == 1
    assert cfg.data_root == str(drawn_cats)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"space": ["lr_rate=log:1e-4:1e-2"]}, "lr_rate"),
        ({"space": ["num_stacks=int:0:2"]}, "num_stacks"),
        ({"trials": 0}, "--trials: wrong number of trials"),
        ({"data": "gone"}, "no such data folder"),
        ({"epochs": None}, "one budget is needed"),
        (
            {"cfg_options": {"val_dataloader": None, "val_evaluator": None, "val_cfg": None}},
            "nothing to choose by",
        ),
    ],
)
def test_bad_input_is_one_line_before_anything_is_trained(
    changes: dict, words: str, tiny: Path, drawn_cats: Path, tmp_path: Path
):
    given = {"space": SPACE, "data": drawn_cats, "out": tmp_path / "out", "trials": 1, "epochs": 1, **changes}
    with pytest.raises(BadInputError) as caught:
        sweep(tiny, given.pop("space"), **given)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert not list((tmp_path / "out").glob("trial_*"))
