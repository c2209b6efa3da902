"""Requests as nobody should send them, over real connections."""

import base64
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from kpplugins.apis.annotation import backend_server
from kpplugins.apis.annotation.backend_server import BackendServer, new_token
from kpplugins.structures import BadInputError

TOKEN = "a token of tests"


def answer(method: str, path: str, body: Any) -> dict[str, Any] | None:
    if path == "/bad":
        raise BadInputError("nothing can be done", where="here")
    if path == "/fault":
        raise ZeroDivisionError("a secret")
    return {"method": method, "body": body} if path == "/echo" else None


@pytest.fixture(scope="module")
def server() -> Iterator[BackendServer]:
    with BackendServer(answer, port=0, token=TOKEN) as one:
        threading.Thread(target=one.serve_forever, args=[0.02], daemon=True).start()
        yield one
        one.shutdown()


def ask(
    server: BackendServer, path: str = "/echo", method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    own = {"Authorization": f"Bearer {TOKEN}", **{k.replace("_", "-"): v for k, v in headers.items()}}
    connection.request(method, path, body, {k: v for k, v in own.items() if v})
    found = connection.getresponse()
    content = json.loads(found.read())
    connection.close()
    return found.status, content


def test_what_is_sent_is_answered(server: BackendServer):
    assert ask(server) == (200, {"method": "GET", "body": None})
    assert ask(server, "/echo?x=1", "POST", b'{"a": [1]}') == (200, {"method": "POST", "body": {"a": [1]}})
    assert ask(server, "/echo", "POST", b"") == (200, {"method": "POST", "body": {}})
    assert ask(server, "/elsewhere")[0] == 404
    status, said = ask(server, "/bad")
    assert status == 400 and said["error"] == said["detail"] == "here: nothing can be done"
    assert ask(server, "/fault") == (500, {"error": "a fault of the program (ZeroDivisionError)"})
    assert server.url == f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Bearer wrong",
        "Bearer",
        "Basic !!!",
        f"Basic {base64.b64encode(TOKEN.encode()).decode()}",
        "Bearer ä",
    ],
)
def test_a_request_without_the_token(server: BackendServer, said: str):
    """A request to `kpplugins serve` without its token."""
    status, found = ask(server, Authorization=said)
    assert status == 401 and "token" in found["error"]


def test_the_token_is_taken_in_every_usual_way(server: BackendServer):
    basic = base64.b64encode(f"anybody:{TOKEN}".encode()).decode()
    for said in (f"Bearer {TOKEN}", f"Token {TOKEN}", f"Basic {basic}"):
        assert ask(server, Authorization=said)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Host": "localhost.evil.example"}],
)
def test_a_page_of_another_site_that_asks_the_local_server(server: BackendServer, headers: dict[str, str]):
    """A page of another site, or a name pointed at this machine, that asks `kpplugins serve`."""
    assert ask(server, **headers)[0] == 403


def test_a_request_that_is_too_large(server: BackendServer, monkeypatch: pytest.MonkeyPatch):
    """A request to `kpplugins serve` that is too large, of no stated length, or nested too deep."""
    assert ask(server, "/echo", "POST", b"{}", Content_Length=str(10**12))[0] == 400
    assert ask(server, "/echo", "POST", b"{}", Content_Length="-1")[0] == 400
    assert ask(server, "/echo", "POST", b"{}", Content_Length="0" * 20 + "9" * 18)[0] == 400
    chunked = {"Transfer_Encoding": "chunked", "Content_Length": "2"}
    assert ask(server, "/echo", "POST", b"2\r\n{}\r\n0\r\n\r\n", **chunked)[0] == 400
    assert ask(server, "/echo", "POST", b"[" * 100_000)[0] == 400
    status, said = ask(server, "/echo", "POST", b'{"a": NaN}')
    assert status == 400 and "\n" not in said["error"]
    monkeypatch.setattr(backend_server._Handler, "timeout", 0.3)
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as slow:
        slow.sendall(f"POST /echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n".encode())
        slow.sendall(b"Content-Length: 5\r\n\r\n{")
        assert slow.recv(100) == b""  # given up
    assert ask(server)[0] == 200


def test_what_cannot_be_listened_at(server: BackendServer):
    for words, options in {
        "token is too short": {"token": "short"},
        "not a port": {"port": 70000, "token": TOKEN},
        "cannot listen here": {"port": server.server_port, "token": TOKEN},
        "cannot listen": {"host": "no.such.host.invalid", "token": TOKEN},
    }.items():
        with pytest.raises(BadInputError, match=words):
            BackendServer(answer, **options)  # type: ignore[arg-type]
    assert new_token() != new_token() and len(new_token()) == 32
