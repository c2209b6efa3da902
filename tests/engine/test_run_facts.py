"""A run's work dir says what it was made from."""

import hashlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy
from mmengine.config import Config

from kpplugins.engine.run_facts import run_facts
from kpplugins.version import __version__


class Data(SimpleNamespace):
    def __len__(self) -> int:
        return 3


def facts_of(config: Path, data: Path) -> dict:
    cfg = Config(dict(a=1), filename=str(config))
    return run_facts(cfg, {"train": Data(dataset=Data(data_root=str(data))), "val": Data()}, seed=5)


def test_data_sources_and_versions(tmp_path: Path):
    data, config = tmp_path / "data", tmp_path / "own" / "mine.py"
    (data / "annotations").mkdir(parents=True)
    (data / "annotations/train.json").write_text("{}")
    (data / "a.png").write_bytes(b"1")
    config.parent.mkdir()
    config.write_text("a = 1")
    first = facts_of(config, data)
    assert (first["seed"], first["command"], first["git"]) == (5, sys.argv, None)
    assert first["samples"] == {"train": 3, "val": 3}
    assert first["packages"]["kpplugins"] == __version__ and first["packages"]["numpy"] == numpy.__version__
    found = first["data"][str(data)]
    assert found["files"] == 2
    assert found["annotations"] == {"annotations/train.json": hashlib.sha256(b"{}").hexdigest()}
    (data / "a.png").write_bytes(b"22")
    other = facts_of(config, data)["data"][str(data)]
    assert (
        other["names_and_sizes"] != found["names_and_sizes"] and other["annotations"] == found["annotations"]
    )
    (data / "annotations/train.json").write_text("[]")
    assert facts_of(config, data)["data"][str(data)]["annotations"] != found["annotations"]


def test_the_state_of_the_repository(tmp_path: Path):
    def git(*words: str) -> str:
        named = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(
            ["git", "-C", tmp_path, *named, *words], check=True, capture_output=True, text=True
        ).stdout

    git("init")
    (tmp_path / "mine.py").write_text("a = 1")
    git("add", "mine.py")
    git("commit", "-m", "first")
    commit = git("rev-parse", "HEAD").strip()
    assert facts_of(tmp_path / "mine.py", tmp_path)["git"] == {"commit": commit, "changed": False}
    (tmp_path / "mine.py").write_text("a = 2")
    assert facts_of(tmp_path / "mine.py", tmp_path)["git"] == {"commit": commit, "changed": True}
