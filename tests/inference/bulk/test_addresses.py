"""Images at addresses: in memory, and from a real web server."""

import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.inference.bulk.addresses import fetch_address
from kpplugins.inference.bulk.image_names import ImageNames
from kpplugins.structures import BadInputError, MachineError
from kpplugins.structures.addresses import is_address

fsspec = pytest.importorskip("fsspec", reason="fsspec, of the extra `remote`, is not installed")


@pytest.fixture
def memory() -> Iterator[str]:
    """Three images and a text in fsspec's memory; its address."""
    files = fsspec.filesystem("memory")
    png = cv2.imencode(".png", np.full((4, 6, 3), 9, np.uint8))[1].tobytes()
    for name in ("b.png", "a.png", "deep/c.png", "notes.txt"):
        files.pipe_file(f"/bulk/{name}", png)
    yield "memory://bulk"
    files.rm("/bulk", recursive=True)


def test_what_is_an_address():
    assert all(map(is_address, ("s3://b/a.jpg", "memory://a", "http://a/b.jpg", "zip://a.jpg::s3://b/c.zip")))
    assert not any(map(is_address, ("a.jpg", "/a/b.jpg", "C:\\a.jpg", "a b://c", "a:b.jpg")))


def test_a_folder_a_pattern_and_an_image_in_memory(memory: str):
    names = ImageNames([memory])
    assert list(names) == ["memory:///bulk/a.png", "memory:///bulk/b.png", "memory:///bulk/deep/c.png"]
    assert names.passed_over == {".txt": 1} and not names.countable
    assert list(ImageNames([f"{memory}/*.png"])) == ["memory:///bulk/a.png", "memory:///bulk/b.png"]
    assert list(ImageNames([f"{memory}/b.png"])) == [f"{memory}/b.png"]


def test_an_image_is_fetched_and_one_that_is_not_there_is_one_line(memory: str, tmp_path: Path):
    fetch_address(f"{memory}/a.png", tmp_path / "a.png")
    assert cv2.imread(str(tmp_path / "a.png")).shape == (4, 6, 3)
    with pytest.raises(BadInputError, match="memory://bulk/z.png: cannot be fetched .FileNotFoundError"):
        fetch_address(f"{memory}/z.png", tmp_path / "z.png")


def test_an_empty_place_is_a_fault(memory: str):
    names = ImageNames(["memory://nowhere/at/all"])
    assert list(names) == [] and [source for source, _ in names.faults] == ["memory://nowhere/at/all"]


def test_a_protocol_that_nobody_knows(tmp_path: Path):
    with pytest.raises(BadInputError, match="not an address that fsspec knows") as fault:
        fetch_address("nonsense://a.jpg", tmp_path / "a.jpg")
    assert not isinstance(fault.value, MachineError)


def test_without_the_packages_the_line_names_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MachineError, match="another package for s3://.*s3fs"):
        fetch_address("s3://bucket/a.jpg", tmp_path / "a.jpg")
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MachineError, match=r"fsspec.*not installed.*kpplugins\[remote\]"):
        fetch_address("memory://a.jpg", tmp_path / "a.jpg")


def test_a_web_server(tmp_path: Path):
    pytest.importorskip("aiohttp", reason="fsspec's http needs aiohttp, of the extra `remote`")
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 6, 3), np.uint8))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert list(ImageNames([f"{address}/a.png?size=big"])) == [f"{address}/a.png?size=big"]
        fetch_address(f"{address}/a.png?size=big", tmp_path / "copy.png")
        with pytest.raises(BadInputError, match="cannot be fetched"):
            fetch_address(f"{address}/gone.png", tmp_path / "gone.png")
        server.shutdown()
    assert (tmp_path / "copy.png").read_bytes() == (tmp_path / "a.png").read_bytes()
