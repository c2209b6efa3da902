"""The way of a user whose data are in one file: train, resume, test, demo, and two processes; as from the folder."""

import json
from pathlib import Path

import pytest
import torch

from kpplugins.weights.checkpoints import read_checkpoint
from tests.apis.test_flow import TINY

CONFIG = "custom_hourglass_small.py"
KEEP = "default_hooks.checkpoint.max_keep_ckpts=-1"


@pytest.fixture(scope="module")
def folder(tool, drawn_cats: Path) -> Path:
    """A converted set, and beside it ``cats.zip`` and ``cats.shards``."""
    tool("dataset.py", "convert", drawn_cats, "--out", "cats", "--ratio", "60", "20", "20", "--no-check")
    said = tool("dataset.py", "pack", "cats", "--to", "zip").stdout
    assert said.startswith("images: 20\nother files: 5\nmegabytes: ")
    assert said.endswith("\nread back: 25\nwritten: cats.zip\nnext: kpplugins train CONFIG --data cats.zip\n")
    tool("dataset.py", "pack", "cats", "--to", "tar", "--shard-size", "0.1")
    return tool.folder


def train(tool, root: Path, data: str, work_dir: str, epochs: int, *more: str, processes: int = 1) -> dict:
    """The weights, the optimizer's state and the scores of a run."""
    options = [
        "--data",
        data,
        "--work-dir",
        work_dir,
        *more,
        "--cfg-options",
        f"max_epochs={epochs}",
        *TINY,
        KEEP,
    ]
    tool("train.py", root / "configs" / CONFIG, *options, processes=processes)
    content = read_checkpoint(tool.folder / work_dir / f"epoch_{epochs}.pth")
    lines = (tool.folder / work_dir).glob("*/vis_data/scalars.json")
    scores = [json.loads(line) for path in lines for line in path.read_text().splitlines()]
    kept = [{k: v for k, v in one.items() if "time" not in k and k != "memory"} for one in scores]
    return {"weights": content["state_dict"], "optimizer": content["optimizer"]["state"], "scores": kept}


def assert_same(found: dict, expected: dict) -> None:
    torch.testing.assert_close(found["weights"], expected["weights"], rtol=0, atol=0)
    torch.testing.assert_close(found["optimizer"], expected["optimizer"], rtol=0, atol=0)
    assert sorted(map(str, found["scores"])) == sorted(map(str, expected["scores"]))


@pytest.fixture(scope="module")
def expected(tool, root: Path, folder: Path) -> dict:
    """A run of two epochs on the folder."""
    return train(tool, root, "cats", "whole", 2)


def test_a_run_on_a_zip_is_that_on_the_folder(tool, root: Path, expected: dict):
    assert_same(train(tool, root, "cats.zip", "packed", 2), expected)


def test_a_run_that_goes_on_with_a_zip(tool, root: Path, expected: dict):
    """From the checkpoint of a run on the folder."""
    found = train(tool, root, "cats.zip", "parts", 2, "--resume", "whole/epoch_1.pth")
    assert_same({**found, "scores": []}, {**expected, "scores": []})


def test_what_a_run_was_made_from_is_in_its_logs(tool, expected: dict):
    (one,), (other,) = ([*(tool.folder / run).glob("*/environment.json")] for run in ("whole", "packed"))
    assert json.loads(one.read_text())["data"]["cats"] == json.loads(other.read_text())["data"]["cats.zip"]


def test_test_and_demo_read_the_zip(tool, expected: dict):
    for run, data in (("packed", "cats.zip"), ("whole", "cats")):
        tool("test.py", f"{run}/{CONFIG}", "--data", data)
    one, other = ((tool.folder / run / "metrics.json").read_text() for run in ("packed", "whole"))
    assert one.replace("packed", "whole").replace("cats.zip", "cats") == other
    one, other = ((tool.folder / run / "best_and_worst.jpg").read_bytes() for run in ("packed", "whole"))
    assert one == other
    tool("demo.py", "--config", f"packed/{CONFIG}", "--data", "cats.zip", "--out", "shown")
    images = sorted((tool.folder / "shown/images").iterdir())
    assert [path.name[:7] for path in images] == [f"{i:06d}_" for i in range(4)]
    originals = {path.name: path.read_bytes() for path in (tool.folder / "cats/images").rglob("*.jpg")}
    assert all(path.read_bytes() == originals[path.name[7:]] for path in images)


def test_two_processes_read_the_same_tar_files(tool, root: Path, folder: Path):
    expected = train(tool, root, "cats", "two whole", 1, processes=2)
    found = train(tool, root, "cats.shards", "two packed", 1, processes=2)
    assert_same(found, expected)


def test_what_is_not_there_is_one_line(tool, root: Path, folder: Path):
    config = root / "configs" / CONFIG
    for data, words in (
        ("none.zip", "none.zip: no annotations here"),
        ("s3://bucket/cats", "pip install s3fs"),
        ("nonsense://bucket/cats", "not an address that fsspec knows"),
    ):
        done = tool("train.py", config, "--data", data, status=3 if "s3" in words else 2)
        assert words in done.stderr.splitlines()[-1], done.stderr[-1000:]
    (folder / "cut.zip").write_bytes((folder / "cats.zip").read_bytes()[:-100])
    for command in (["train.py", config, "--data"], ["dataset.py", "check"], ["dataset.py", "stats"]):
        done = tool(*command, "cut.zip", status=2)
        assert done.stderr.splitlines()[-1].startswith("error: cut.zip: not a complete zip file"), done.stderr
