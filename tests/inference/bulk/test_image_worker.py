"""Names in, lines out: in order, read no further than needed, and a fault is that of its image alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kpplugins.inference.bulk.image_worker import ImageWorker
from kpplugins.inference.bulk.progress import Progress
from tests.inference.bulk.cheap_model import CheapPredictor


def test_lines_and_faults_in_order(tmp_path: Path):
    names = ["a.jpg", "bad.jpg", "b\n.jpg"]
    outcomes = list(ImageWorker(CheapPredictor(0), tmp_path)(names))
    assert [one.source for one in outcomes] == names
    assert (
        json.loads(outcomes[0].line)["image"] == "a.jpg"
        and json.loads(outcomes[2].line)["image"] == "b\n.jpg"
    )
    assert "\n" not in outcomes[2].line
    assert outcomes[1].fault == "bad.jpg: image cannot be decoded" and not outcomes[1].line


def test_addresses_are_fetched_ahead_and_faults_are_theirs():
    fsspec = pytest.importorskip("fsspec", reason="fsspec, of the extra `remote`, is not installed")
    for name in ("a.jpg", "bad.jpg"):
        fsspec.filesystem("memory").pipe_file(f"/worker/{name}", name[:3].encode())
    asked: list[str] = []

    def names() -> Iterator[str]:
        for name in ["a.jpg", "bad.jpg", "gone.jpg", *["a.jpg"] * 100]:
            asked.append(name)
            yield f"memory://worker/{name}"

    found = ImageWorker(CheapPredictor(0))(names())
    first = next(found)
    assert first.source == "memory://worker/a.jpg" and len(asked) < 40
    second, third, *rest = found
    assert second.fault == "memory://worker/bad.jpg: image cannot be decoded"
    assert third.fault.startswith("memory://worker/gone.jpg: cannot be fetched (FileNotFoundError")
    assert len(rest) == 100 and not any(one.fault for one in rest)


def test_the_time_left_counts_only_what_was_predicted():
    progress = Progress(None, lambda name: True)
    with progress:
        progress.total = 1000
        progress.passed(400)
        progress.done(100)
        assert progress.words(10.0) == "500 of 1000 images, 10.0 a second, 0 h 00 min left"
        progress.total = 1_000_000
        assert progress.words(10.0) == "500 of 1000000 images, 10.0 a second, 27 h 45 min left"
        progress.total = None
        assert progress.words(10.0) == "500 of unknown images, 10.0 a second"


def test_images_are_counted_meanwhile():
    with Progress(iter(["a", "b", "c"]), lambda name: name != "b") as progress:
        for _ in range(1000):
            if progress.total is not None:
                break
            progress.passed(0)
        assert progress.total in (None, 2)
