import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.apis.annotation import task_images
from kpplugins.apis.annotation.task_images import TaskImages
from kpplugins.apis.annotation.tool_key import ToolKey
from kpplugins.data.images import read_image
from kpplugins.structures import BadInputError

IMAGE = cv2.imencode(".png", np.full((6, 8, 3), 77, np.uint8))[1].tobytes()


class Site(BaseHTTPRequestHandler):
    """Serves one image, redirections to whatever ``to`` says, and a token."""

    asked: list[tuple[str, str]] = []

    def do_GET(self) -> None:
        type(self).asked.append((self.path, self.headers.get("Authorization", "")))
        if self.path.startswith("/away?"):
            self.send_response(302)
            self.send_header("Location", self.path.partition("?")[2])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        found = self.path.startswith(("/data/upload/", "/pets/"))
        self.send_response(200 if found else 401)
        self.send_header("Content-Length", str(len(IMAGE) if found else 0))
        self.end_headers()
        self.wfile.write(IMAGE if found else b"")

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked.append((self.path, sent["refresh"]))
        good = sent["refresh"] == "a.b.c"
        content = json.dumps({"access": "short"}).encode()
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", str(len(content) if good else 0))
        self.end_headers()
        self.wfile.write(content if good else b"")

    def log_message(self, *args: object) -> None:
        pass


def site() -> tuple[ThreadingHTTPServer, str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Site,), {"asked": []}))
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def two() -> Iterator[list[tuple[ThreadingHTTPServer, str]]]:
    """The annotation tool, and another server."""
    sites = [site(), site()]
    yield sites
    for server, _ in sites:
        server.shutdown()
        server.server_close()


def asked(server: ThreadingHTTPServer) -> list[tuple[str, str]]:
    return server.RequestHandlerClass.asked  # type: ignore[attr-defined]


def opened(images: TaskImages, address: str) -> tuple[int, ...]:
    return images.open(address, read_image).shape


def test_images_come_from_where_they_may(tmp_path: Path, two):
    (tool, url), (other, elsewhere) = two
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets/a b.png").write_bytes(IMAGE)
    images = TaskImages(tmp_path, url, ToolKey(url, "old key"), [f"{elsewhere}/pets"])
    for address in (
        "data:image/png;base64," + base64.b64encode(IMAGE).decode(),
        "/data/local-files/?d=pets/a%20b.png",
        "pets/a b.png",
        "/data/upload/3/0a1b2c3d-a.png",
        f"{url}/data/upload/3/a.png",
        f"{elsewhere}/pets/a.png",
        f"{elsewhere}/pets/my cat ä.png",
    ):
        assert opened(images, address) == (6, 8, 3), address
    assert [key for _, key in asked(tool)] == ["Token old key", "Token old key"]
    assert [key for _, key in asked(other)] == ["", ""]  # the key is the tool's alone


def test_a_task_that_names_a_file_outside_of_the_folder_of_images(tmp_path: Path):
    """A task that names a file outside the folder of images."""
    (tmp_path / "secret.png").write_bytes(IMAGE)
    root = tmp_path / "images"
    root.mkdir()
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "notes.txt").write_bytes(IMAGE)
    images = TaskImages(root)
    for name in (
        "../secret.png",
        str(tmp_path / "secret.png"),
        "link.png",
        "..\\secret.png",
        "notes.txt",
        "",
    ):
        for address in (name, f"/data/local-files/?d={name}"):
            with pytest.raises(BadInputError) as error:
                opened(images, address)
            assert "\n" not in str(error.value)
    with pytest.raises(BadInputError, match="local file.*--images"):
        opened(TaskImages(), "pets/a.png")


def test_a_task_that_names_an_address_that_nobody_allowed(two):
    """A task that names an address that nobody allowed, or one that redirects there."""
    (tool, url), (other, elsewhere) = two
    images = TaskImages(None, url, ToolKey(url, "key"), [f"{url}/pets/"])
    host = elsewhere.removeprefix("http://")
    for address in (
        f"{elsewhere}/pets/a.png", f"{url.replace('127.0.0.1', '127.0.0.2')}/pets/a.png", f"{url}@{host}/pets/a.png",
        f"https://{host}/pets/a.png", "file:///etc/passwd", "s3://bucket/a.png", "http://[::1/a.png",
        f"{url}/away?{elsewhere}/pets/a.png", f"{url}/away?file:///etc/passwd",
    ):  # fmt: skip
        with pytest.raises(BadInputError) as error:
            opened(images, address)
        assert "\n" not in str(error.value), address
    assert asked(other) == []
    narrow = TaskImages(allowed=[f"{elsewhere}/pets"])
    for path in ("/petsecret/a.png", "/pets/../a.png", "/pets/%2e%2e/a.png"):
        assert not narrow.may_fetch(elsewhere + path)
    assert narrow.may_fetch(elsewhere + "/pets/x/a.png")
    with pytest.raises(BadInputError, match="kept by the annotation tool.*--url"):
        opened(TaskImages(), "/data/upload/1/a.png")


def test_what_is_no_image_and_what_is_too_large(tmp_path: Path, two, monkeypatch: pytest.MonkeyPatch):
    (_, url), _ = two
    images = TaskImages(tmp_path, url)
    with pytest.raises(BadInputError, match="HTTP 401.*LABEL_STUDIO_API_KEY"):
        opened(images, "/nothing.png")
    for address in ("data:image/png;base64,@@@", "data:text/plain,hello", "data:image/png;base64,AAAA"):
        with pytest.raises(BadInputError) as error:
            opened(images, address)
        assert str(error.value).startswith("data:") or "data:" in str(error.value)
    with pytest.raises(BadInputError, match="cannot be read"):
        opened(images, "a" * 5000 + ".png")
    (tmp_path / "a.png").write_bytes(IMAGE)
    monkeypatch.setattr(task_images, "_MOST_BYTES", len(IMAGE) - 1)
    for address in (
        "a.png",
        "/data/upload/1/a.png",
        "data:image/png;base64," + base64.b64encode(IMAGE).decode(),
    ):
        with pytest.raises(BadInputError, match="too large"):
            opened(images, address)


@pytest.mark.parametrize("address", ["localhost:8080", "ftp://host/", "http://", "http://me:secret@host/"])
def test_what_is_no_server(address: str):
    with pytest.raises(BadInputError, match="--url: not the address of a server"):
        TaskImages(tool=address)
    with pytest.raises(BadInputError, match="--allow-url: not the address of a server"):
        TaskImages(allowed=[address])


def test_a_personal_access_token_is_exchanged_once(two):
    (tool, url), _ = two
    key = ToolKey(url, "a.b.c")
    images = TaskImages(None, url, key)
    assert opened(images, "/data/upload/1/a.png") == opened(images, "/data/upload/1/b.png") == (6, 8, 3)
    assert asked(tool) == [
        ("/api/token/refresh", "a.b.c"),
        ("/data/upload/1/a.png", "Bearer short"),
        ("/data/upload/1/b.png", "Bearer short"),
    ]
    with pytest.raises(BadInputError, match="does not take its API key"):
        ToolKey(url, "x.y.z").header()
