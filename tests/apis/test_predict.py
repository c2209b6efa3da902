"""The way of many images: killed, resumed, in shards, with bad ones among them; the command line with a real model."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kpplugins.apis.predict import predict
from kpplugins.inference.bulk.merging import merge_shards
from kpplugins.inference.bulk.results_file import bad_path_of, lines_of
from kpplugins.structures import BadInputError
from tests.inference.bulk.cheap_model import CheapModel

PROGRAM = Path(__file__).resolve().parents[1] / "inference/bulk/cheap_model.py"


def sources(path: Path) -> list[str]:
    return [source for source, _ in lines_of(path)]


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Sixty files, three of which the cheap model finds bad; the current folder holds ``images/``."""
    (tmp_path / "images").mkdir()
    monkeypatch.chdir(tmp_path)
    names = [f"images/{i:02d}{'bad' if i in (7, 8, 40) else ''}.jpg" for i in range(60)]
    for name in names:
        Path(name).touch()
    return names


@pytest.fixture
def program(root: Path, tmp_path: Path) -> Callable[..., subprocess.Popen]:
    """Start a process that predicts with the cheap model."""

    def start(limit: int | None = None, **options: Any) -> subprocess.Popen:
        words = [sys.executable, str(PROGRAM), json.dumps(options)]
        if limit is not None:
            words = ["bash", "-c", f'ulimit -f {limit}; exec "$@"', "-", *words]
        environment = os.environ | {"PYTHONPATH": str(root)}
        return subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)

    return start


def good(names: list[str]) -> list[str]:
    return [name for name in names if "bad" not in name]


def test_each_image_has_one_line_in_order_and_the_bad_ones_are_listed(images: list[str]):
    summary = predict(["images"], "out.jsonl", CheapModel())
    assert (summary.written, summary.before, summary.bad, summary.twice) == (57, 0, 3, 0)
    assert sources(Path("out.jsonl")) == good(images)
    listed = [json.loads(line) for line in bad_path_of(Path("out.jsonl")).open()]
    assert [one["image"] for one in listed] == [name for name in images if "bad" in name]
    assert all("cannot be decoded" in one["fault"] for one in listed)


def test_it_is_run_again_with_new_images_and_mended_ones(images: list[str]):
    predict(["images"], "out.jsonl", CheapModel())
    before = Path("out.jsonl").read_text()
    Path(images[7]).rename("images/07mended.jpg")
    Path("images/99.jpg").touch()
    Path(images[0]).unlink()
    summary = predict(["images"], "out.jsonl", CheapModel())
    assert (summary.written, summary.before, summary.bad) == (2, 56, 2)
    assert Path("out.jsonl").read_text().startswith(before)
    assert sources(Path("out.jsonl"))[57:] == ["images/07mended.jpg", "images/99.jpg"]


def test_names_given_twice_are_done_once(images: list[str]):
    Path("list.txt").write_text("\n".join(images[:5]))
    summary = predict(
        [images[3], "./images//03.jpg", "images", "images/0*.jpg"],
        "out.jsonl",
        CheapModel(),
        lists=["list.txt"],
    )
    assert sources(Path("out.jsonl")) == [images[3], *(name for name in good(images) if name != images[3])]
    assert summary.twice == 2 + 10 + 5 and summary.bad == 3


def test_an_image_that_vanishes_is_bad_and_an_odd_name_is_not(images: list[str]):
    odd = [
        "images/a\nb.jpg",
        "images/é猫.jpg",
        os.fsdecode(b"images/\xff.jpg"),
        "images/u\u2028.jpg",
        'images/q".jpg',
    ]
    for name in odd:
        Path(name).touch()
    predict(["images"], "out.jsonl", CheapModel())
    assert set(odd) <= set(sources(Path("out.jsonl")))
    assert len(Path("out.jsonl").read_bytes().splitlines()) == 57 + len(odd)
    assert predict(["images"], "out.jsonl", CheapModel()).before == 57 + len(odd)


def test_another_model_is_refused_before_it_is_loaded(images: list[str], monkeypatch: pytest.MonkeyPatch):
    predict(images[:3], "out.jsonl", CheapModel())
    monkeypatch.setattr(CheapModel, "open", lambda self: pytest.fail("loaded"))
    with pytest.raises(BadInputError, match="of another model") as fault:
        predict(images[:3], "out.jsonl", CheapModel(checksum="2"))
    assert "\n" not in str(fault.value)
    assert predict(images[:3], "out.jsonl", CheapModel()).before == 3  # nothing to do: not loaded either


def test_shards_are_disjoint_whole_and_merge(images: list[str]):
    for number in (1, 2, 3):
        predict(["images"], "out.jsonl", CheapModel(), shard=f"{number}/3")
    files = [Path(f"out.{number}-of-3.jsonl") for number in (1, 2, 3)]
    merge_shards(files, "out.jsonl")
    assert sorted(sources(Path("out.jsonl"))) == good(images)
    assert predict(["images"], "out.jsonl", CheapModel()).before == 57


def test_processes_of_torchrun_take_a_shard_each(images: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in "01":
        monkeypatch.setenv("RANK", rank)
        predict(["images"], "out.jsonl", CheapModel())
    merge_shards(["out.1-of-2.jsonl", "out.2-of-2.jsonl"], "out.jsonl")
    assert sorted(sources(Path("out.jsonl"))) == good(images)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills")
def test_ten_kills_lose_nothing_and_leave_no_half_line(images: list[str], program):
    """At moments from before the first line to near the end; what a kill leaves is whole but for its last line."""
    out, kills, chance = Path("out.jsonl"), 0, random.Random(0)
    while kills < 10:
        options = {"inputs": ["images"], "out": "out.jsonl", "batch_size": 4, "seconds": 0.004}
        lines = out.read_bytes().count(b"\n") if out.exists() else 0
        if lines > 50:
            out.unlink()
            lines = 0
        with program(**options) as process:
            goal, late = lines + chance.randrange(0, 16), time.monotonic() + 60
            while time.monotonic() < late and process.poll() is None:
                if out.exists() and out.read_bytes().count(b"\n") >= goal:
                    time.sleep(chance.random() * 0.02)
                    break
            process.kill()
        kills += 1
        if out.exists() and chance.random() < 0.5:  # as a machine that loses its power does
            with out.open("ab") as file:
                file.write(b'{"image": "images/')
    with program(**options) as process:
        assert process.wait() == 1  # three are bad
    assert sources(out) == good(images)


def test_two_processes_on_one_file(images: list[str], program):
    Path("images/30wait.jpg").touch()
    options = {"inputs": ["images"], "out": "out.jsonl"}
    with program(**options) as one:
        while not Path("out.jsonl.lock").exists() and one.poll() is None:
            time.sleep(0.01)
        with program(**options) as other:
            assert other.wait() == 2
            assert other.stderr is not None and f"found process {one.pid} " in other.stderr.read()
        Path("images/go").touch()
        assert one.wait() == 1
    assert sources(Path("out.jsonl")) == sorted([*good(images), "images/30wait.jpg"])


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash limits the size of files")
def test_a_full_disk_ends_it_with_one_line_and_it_goes_on(images: list[str], program):
    options = {"inputs": ["images"], "out": "out.jsonl", "batch_size": 5}
    with program(limit=4, **options) as process:  # KiB
        assert process.wait() == 3
        assert process.stderr is not None
        (line,) = [text for text in process.stderr.read().splitlines() if text.startswith("error")]
        assert "out.jsonl: cannot be written (File too large)" in line
    some = sources(Path("out.jsonl"))
    assert 0 < len(some) < 57 and some == good(images)[: len(some)]
    predict(**(options | {"model": CheapModel()}))
    assert sources(Path("out.jsonl")) == good(images)
