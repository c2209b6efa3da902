"""Which model is meant, and how it is told from another; an exported one predicts without PyTorch."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.inference.bulk.model_choice import ModelChoice
from kpplugins.structures import BadInputError
from kpplugins.structures.checksum import sha256_of
from tests.inference.test_predictor import exported

WITHOUT_TORCH = """
import sys
import kpplugins
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "mmengine", "mmcv", "mmpose", "mmdet", "psutil", "fsspec"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refuse())
from kpplugins.commands import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_run_is_told_by_its_checkpoint_and_a_config_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = tmp_path / "work_dirs/a"
    run.mkdir(parents=True)
    (run / "epoch_1.pth").write_bytes(b"1")
    (run / "a.py").write_text("x = 1")
    monkeypatch.chdir(tmp_path)
    for choice in (ModelChoice(), ModelChoice("work_dirs/a"), ModelChoice("work_dirs/a/epoch_1.pth")):
        settled = choice.settled()
        assert (settled.source, settled.checkpoint) == (None, str(run / "epoch_1.pth"))
        assert settled.identity() == {"file": settled.checkpoint, "checksum": sha256_of(run / "epoch_1.pth")}
        assert pickle.loads(pickle.dumps(settled)) == settled
    both = ModelChoice("work_dirs/a/a.py", "work_dirs/a/epoch_1.pth", detector="work_dirs/a").settled()
    assert both.identity()["config_checksum"] == sha256_of(run / "a.py")
    assert both.identity()["detector_checksum"] == sha256_of(run / "epoch_1.pth")
    with pytest.raises(BadInputError, match="no checkpoint here"):
        ModelChoice(str(tmp_path)).settled()


def test_an_exported_folder_is_told_by_its_files_and_its_own_detector(tmp_path: Path):
    folder = exported(tmp_path / "pair", "keypoints in boxes")
    alone = ModelChoice(str(folder)).settled().identity()
    exported(folder / "detector", "boxes")
    pair = ModelChoice(str(folder)).settled().identity()
    assert alone.items() < pair.items() and "inner_detector_checksum" in pair
    (folder / "model.onnx").write_bytes(b"other")
    with pytest.raises(BadInputError, match="not the file that was exported"):
        ModelChoice(str(folder)).settled().identity()


def test_without_pytorch_an_exported_folder_predicts_and_is_measured(tmp_path: Path, root: Path):
    folder = exported(tmp_path / "pair", "keypoints in boxes")
    exported(folder / "detector", "boxes")
    for name in ("a.png", "[1].png", "c.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((60, 80, 3), np.uint8))

    def run(*words: str | Path) -> subprocess.CompletedProcess:
        command = [sys.executable, "-c", WITHOUT_TORCH, *map(str, words)]
        return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=100)

    out = tmp_path / "found.jsonl"
    names = [tmp_path / "a.png", tmp_path / "[1].png", tmp_path / "[2].png", tmp_path / "c.png"]
    long = f"[{'x' * 300}].png"
    (tmp_path / "names.txt").write_text("\n".join(map(str, [*names, long, f"{long[1:-5]}.png"])))
    done = run("predict", "--list", tmp_path / "names.txt", "--config", folder, "--out", out)
    assert done.returncode == 1, done.stderr
    lines = [json.loads(line) for line in out.open()]
    assert [line["image"] for line in lines] == [str(name) for name in names if name.exists()]
    assert lines[0]["instances"][0]["category"] == "plate" and len(lines[0]["instances"][0]["keypoints"]) == 2
    bad, *longer = (json.loads(line) for line in (tmp_path / "found.bad.jsonl").open())
    assert [one["fault"].split(": ")[1].partition(";")[0] for one in longer] == [
        "image is missing", "image cannot be read (File name too long)"
    ]  # fmt: skip
    assert bad == {"image": str(names[2]), "fault": f"{names[2]}: image is missing; to do: fetch it again"}
    missing = run("predict", "memory://a.png", "--config", folder, "--out", tmp_path / "m.jsonl")
    assert missing.returncode == 3 and "kpplugins[remote]" in missing.stderr
    measured = run("benchmark", "predict", folder, "--rounds", "2", "--boxes", "2")
    assert measured.returncode == 0, measured.stderr
    for what in ("boxes of the detector", "network and decoding", "array to PoseResult", "bare session"):
        assert f"| {what} " in measured.stdout
