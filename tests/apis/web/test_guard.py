"""Who may ask the page's server, and what the page may load."""

import asyncio

import pytest

from kpplugins.apis.web.guard import Guard


async def application(scope, receive, send):
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"referrer-policy", b"unsafe-url")]}
    )
    await send({"type": "http.response.body", "body": b"page"})


def asked(local: bool, kind: str = "http", **headers: str) -> list[dict]:
    """What is sent to a client that asks with these headers."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers.items()]}
    asyncio.run(Guard(application, local)(scope, None, send))
    return sent


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1:7860", "[::1]:7860", "LOCALHOST"])
def test_the_machine_itself_is_answered(host: str):
    for headers in ({"host": host}, {"host": host, "origin": f"http://{host}"}):
        start, body = asked(True, **headers)
        assert start["status"] == 200 and body["body"] == b"page"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "example.com"},
        {"host": "127.0.0.1.example.com:7860"},
        {"host": "localhost@example.com"},
        {"host": "[::1"},
        {"host": "localhost:7860", "origin": "http://example.com"},
        {"host": "localhost:7860", "origin": "http://localhost:8000"},
        {"host": "localhost:7860", "origin": "null"},
    ],
)
def test_other_sites_and_names_are_refused(headers: dict[str, str]):
    start, body = asked(True, **headers)
    assert start["status"] == 403 and b"own machine" in body["body"]
    (closed,) = asked(True, "websocket", **headers)
    assert closed["type"] == "websocket.close"
    assert asked(False, **headers)[0]["status"] == 200  # with --host, anyone may come


def test_pages_load_nothing_from_elsewhere():
    headers = asked(True, host="localhost")[0]["headers"]
    named = dict(headers)
    assert len(headers) == len(named) == 3
    policy = named[b"content-security-policy"].decode()
    assert "default-src 'self'" in policy and "http" not in policy and "*" not in policy
    assert named[b"referrer-policy"] == b"no-referrer"


def test_other_messages_are_passed_on():
    async def lifespan(scope, receive, send):
        await send({"type": scope["type"]})

    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(lifespan, True)({"type": "lifespan"}, None, send))
    assert sent == [{"type": "lifespan"}]
