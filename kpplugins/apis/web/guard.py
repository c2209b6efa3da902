"""What the browser may do, and who may ask."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


class Guard:
    """Passes requests on to an ASGI application; its pages load nothing from elsewhere.

    Args:
        app: the application.
        local: answer only requests for this machine from its own page. Another site cannot send files then, nor read
            answers under a name that it has pointed at this machine (DNS rebinding).
    """

    def __init__(self, app: Callable[..., Awaitable[None]], local: bool) -> None:
        self.app, self.local = app, local

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if self.local and not self._is_local(dict(scope["headers"])):
            await _refuse(scope, send)
            return

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                named = {name for name, _ in _HEADERS}
                kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in named]
                message = {**message, "headers": [*kept, *_HEADERS]}
            await send(message)

        await self.app(scope, receive, guarded)

    def _is_local(self, headers: dict[bytes, bytes]) -> bool:
        host, origin = (headers.get(name, b"").decode("latin-1") for name in (b"host", b"origin"))
        return is_local(host, origin)


def is_local(host: str, origin: str) -> bool:
    """Tell whether a request is for this machine, and not from a page of another site.

    Args:
        host: its header of that name.
        origin: the same; empty if it has none.

    Returns:
        Whether it may be answered.
    """
    return _name_of(f"//{host}") in LOCAL_HOSTS and (not origin or urlsplit(origin).netloc == host)


def _name_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


async def _refuse(scope: _Scope, send: _Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": b"This page answers its own machine alone.\n"})
