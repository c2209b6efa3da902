"""Addresses, through real file systems of fsspec: the memory, the disk, and a web server of this machine."""

import functools
import http.server
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from kpplugins.storage import files, remote
from kpplugins.structures import BadInputError, MachineError
from kpplugins.structures.addresses import as_path
from tests.storage.conftest import KINDS

EVERY = ("disk", *KINDS)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Python's own, which may also send parts, list nothing, and be out of order for some requests."""

    sends_parts = lists = True
    out_of_order = 0
    asked: Counter[str]

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.asked[self.path] += 1
        if self.out_of_order:
            type(self).out_of_order -= 1
            self.send_error(503)
            return
        path, wanted = Path(self.translate_path(self.path)), self.headers.get("Range", "")
        if not (wanted and self.sends_parts and path.is_file()):
            super().do_GET()
            return
        start, _, end = wanted.removeprefix("bytes=").partition("-")
        content = path.read_bytes()[int(start) : int(end) + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def list_directory(self, path: str):  # type: ignore[no-untyped-def,override]
        if self.lists:
            return super().list_directory(path)
        self.send_error(403)
        return None


class Web:
    """A server of a folder, its address, and its way to answer."""

    def __init__(self, folder: Path) -> None:
        self.handler = type("Own", (Handler,), {"asked": Counter()})
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(self.handler, directory=str(folder))
        )
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)


def forget() -> None:
    for cache in (remote._listing, files._remote_holder, files._remote_kind, files._opened):
        cache.cache_clear()


@pytest.fixture
def web(stored: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A server of every kind of storage."""
    pytest.importorskip("aiohttp", reason="fsspec needs it for the web")
    monkeypatch.setattr(remote, "_PAUSES", (0.01, 0.01))
    web = Web(stored["disk"].parent)
    web.thread.start()
    forget()
    yield web
    web.server.shutdown()
    web.server.server_close()
    web.thread.join()
    forget()


@pytest.fixture
def memory(stored: dict[str, Path]) -> Iterator[str]:
    system = fsspec.filesystem("memory")
    system.put(str(stored["disk"].parent), "/bucket", recursive=True)
    forget()
    yield "memory://bucket"
    system.rm("/bucket", recursive=True)
    forget()


def check_all(root: Path, content: dict[str, bytes]) -> None:
    assert files.is_folder(root) and files.is_folder(root / "images")
    for name, expected in content.items():
        path = root / name
        assert files.is_file(path), name
        assert files.read_bytes(path) == expected, name
        assert files.size_of(path) == len(expected)
        with files.open_file(path) as opened:
            assert opened.read() == expected
    assert not files.is_file(root / "images/none.jpg") and not files.is_folder(root / "none")
    with pytest.raises(FileNotFoundError):
        files.read_bytes(root / "images/none.jpg")
    assert [path.name for path in files.folders_in(root)] == ["annotations", "images"]
    assert sorted(files.walk(root)) == sorted(name for name in content if not Path(name).name.startswith("."))


@pytest.mark.parametrize("kind", EVERY)
def test_the_memory_has_the_same_files(
    memory: str, stored: dict[str, Path], content: dict[str, bytes], kind: str
):
    check_all(as_path(f"{memory}/{stored[kind].name}"), content)


@pytest.mark.parametrize("kind", EVERY)
def test_a_web_server_has_the_same_files(
    web: Web, stored: dict[str, Path], content: dict[str, bytes], kind: str
):
    check_all(as_path(f"{web.address}/{stored[kind].name}"), content)


def test_the_disk_by_its_address(stored: dict[str, Path], content: dict[str, bytes]):
    root = as_path(stored["disk"].as_uri())
    assert root == stored["disk"] and as_path(f"local://{stored['disk']}") == root
    forget()
    check_all(Path(f"file:{stored['disk']}"), content)  # as MMEngine asks for it


def test_a_server_that_does_not_list(web: Web, content: dict[str, bytes]):
    web.handler.lists = False
    root = as_path(f"{web.address}/disk")
    assert all(
        files.is_file(root / n) and files.read_bytes(root / n) == value for n, value in content.items()
    )
    assert not files.is_file(root / "images/none.jpg")


def test_a_server_that_sends_whole_files(
    web: Web, content: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
):
    """Images are read so; an archive would be sent once for each image."""
    web.handler.sends_parts = False
    assert files.read_bytes(as_path(f"{web.address}/disk/images/006.jpg")) == content["images/006.jpg"]
    monkeypatch.setattr(remote, "_SMALL", 1000)
    with pytest.raises(
        BadInputError, match=r"set.zip: the server sends whole files only; .*; to do: download it"
    ):
        files.is_file(as_path(f"{web.address}/set.zip/images/006.jpg"))


def test_a_folder_is_listed_once(web: Web, content: dict[str, bytes]):
    root = as_path(f"{web.address}/disk")
    images = [name for name in content if name.startswith("images/")]
    assert all(files.is_file(root / name) for name in images)
    assert {path: n for path, n in web.handler.asked.items() if n > 1} == {}
    assert sum(web.handler.asked.values()) < 10
    for name in images[:5]:
        files.read_bytes(root / name)
    assert all(web.handler.asked[f"/disk/{name}"] == 1 for name in images[:5])


def test_an_archive_is_opened_once(web: Web, content: dict[str, bytes]):
    root = as_path(f"{web.address}/set.zip")
    files.read_bytes(root / "images/003.jpg")
    before = web.handler.asked["/set.zip"]
    for name in [name for name in content if content[name]][:10]:
        assert files.read_bytes(root / name) == content[name]
    assert web.handler.asked["/set.zip"] == before + 10


def test_a_server_is_asked_again(web: Web, content: dict[str, bytes]):
    path = as_path(f"{web.address}/disk/images/006.jpg")
    assert files.is_file(path)
    web.handler.out_of_order = 2
    assert files.read_bytes(path) == content["images/006.jpg"]
    web.handler.out_of_order = 100
    with pytest.raises(
        BadInputError, match=r"^http://127.*/disk/images/006.jpg: cannot be read .*503"
    ) as error:
        files.read_bytes(path)
    assert "\n" not in str(error.value) and web.handler.out_of_order == 97


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("aiohttp")
    monkeypatch.setattr(remote, "_PAUSES", ())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/cats"
        with pytest.raises(
            BadInputError, match="cannot be read .*Cannot connect.*; to do: see that the address"
        ):
            files.is_folder(as_path(address))


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(
        MachineError, match="fsspec needs another package for s3://.*; to do: pip install s3fs"
    ):
        files.is_folder(as_path("s3://bucket/cats"))
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(MachineError, match="pip install gcsfs"):
        files.read_bytes(as_path("gs://bucket/cats/a.jpg"))
    with pytest.raises(BadInputError, match="not an address that fsspec knows; found .*nonsense"):
        files.is_folder(as_path("nonsense://bucket/cats"))


def test_what_was_put_there_is_seen_later(memory: str, monkeypatch: pytest.MonkeyPatch):
    path = as_path(f"{memory}/disk/images/new.jpg")
    assert not files.is_file(path)
    fsspec.filesystem("memory").pipe("/bucket/disk/images/new.jpg", b"new")
    assert not files.is_file(path) and files.read_bytes(path) == b"new"
    later = remote.now() + 1
    monkeypatch.setattr(files, "now", lambda: later)
    monkeypatch.setattr(remote, "now", lambda: later)
    assert files.is_file(path)
