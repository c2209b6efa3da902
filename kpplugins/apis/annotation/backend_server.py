"""A backend of an annotation tool over HTTP, on the standard library's server."""

import base64
import binascii
import hmac
import json
import logging
import secrets
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from kpplugins.apis.web.guard import LOCAL_HOSTS, is_local
from kpplugins.data.parsing.documents import parse_json
from kpplugins.structures import BadInputError

HOST, PORT = "127.0.0.1", 9090
"""Where it listens unless told otherwise; the port is that of Label Studio's examples."""
USER = "kpplugins"
"""The name that goes with the token; any other does too."""
MOST_BYTES = 32_000_000
"""Of a request's body: a thousand tasks with their annotations take a few million."""
_SECONDS = 30
"""For which the other side may be silent within a request."""
_LONGEST_PATH = 200

logger = logging.getLogger(__name__)
Answer = Callable[[str, str, Any], dict[str, Any] | None]
"""Takes method, path and body of a request; returns what is sent back, or ``None`` if there is nothing at the path."""


class BackendServer(ThreadingHTTPServer):
    """Answers requests that carry the token; one thread each.

    Args:
        answer: see ``Answer``; a ``BadInputError`` becomes status 400 with the line as ``error``.
        host: only with that of this machine itself others are kept out, whatever they know.
        port: 0 takes any free one.
        token: without it nothing is answered.

    Raises:
        BadInputError: the address cannot be listened at, or the token is empty.
    """

    daemon_threads = True

    def __init__(self, answer: Answer, host: str = HOST, port: int = PORT, token: str = "") -> None:
        if len(token) < 8:
            raise BadInputError(
                "token is too short", where="KPPLUGINS_TOKEN", expected="8 characters or more"
            )
        if not 0 <= port <= 65535:
            raise BadInputError("not a port", where="--port", expected="0 to 65535", found=str(port))
        self.answer, self.token, self.local = answer, token, host in LOCAL_HOSTS
        try:
            self.address_family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise BadInputError(
                "cannot listen here", where=f"{host}, port {port}", found=error.strerror or str(error),
                todo="give another --port or --host",
            ) from error  # fmt: skip

    @property
    def url(self) -> str:
        """Return the address, for people."""
        host = str(self.server_address[0])
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do not print tracebacks of connections that the other side has cut."""
        logger.debug("connection of %s ended", client_address, exc_info=True)


def new_token() -> str:
    """Return a token that nobody can guess.

    Returns:
        32 characters.
    """
    return secrets.token_urlsafe(24)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version, server_version, sys_version = "HTTP/1.1", "kpplugins", ""
    timeout = _SECONDS
    server: BackendServer

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug(format, *args)

    def _serve(self) -> None:
        """Answer a request, whatever it is."""
        try:
            if not self._may_ask():
                return
            sent = self._body() if self.command == "POST" else None
            path = urlsplit(self.path).path[:_LONGEST_PATH]
            found = self.server.answer(self.command, path, sent)
        except BadInputError as fault:
            self._send(400, {"error": str(fault), "detail": str(fault)})
        except (OSError, TimeoutError):
            self.close_connection = True
        except Exception as error:
            logger.exception("a fault of the program")
            self._send(500, {"error": f"a fault of the program ({type(error).__name__})"})
        else:
            if found is None:
                self._send(404, {"error": "there is nothing here"})
            else:
                self._send(200, found)

    def _may_ask(self) -> bool:
        """Refuse pages of other sites, names that were pointed at this machine, and who has no token."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin", "")
        if self.server.local and not is_local(host, origin):
            self._refuse(403, "this server answers its own machine alone")
            return False
        if not hmac.compare_digest(self._token().encode(), self.server.token.encode()):
            self._refuse(401, "the token is missing or wrong")
            return False
        return True

    def _token(self) -> str:
        """Return what was sent as the password of Basic, or after Bearer or Token."""
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() in ("bearer", "token"):
            return value.strip()
        if kind.lower() != "basic":
            return ""
        try:
            return base64.b64decode(value, validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, ValueError):
            return ""

    def _body(self) -> Any:
        """Read JSON of the length that the request states."""
        stated = self.headers.get("Content-Length", "")
        if not stated.isascii() or not stated.isdigit() or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise BadInputError("request does not state its length", where=self.path[:_LONGEST_PATH])
        if len(stated) > 20 or int(stated) > MOST_BYTES:
            self.close_connection = True
            raise BadInputError(
                "request is too large", where=self.path[:_LONGEST_PATH], expected=f"at most {MOST_BYTES} bytes",
                found=stated[:20],
            )  # fmt: skip
        content = self.rfile.read(int(stated))
        if len(content) < int(stated):
            raise ConnectionError("the other side has gone")
        return parse_json(content.decode("utf-8", "replace") or "{}", self.path[:_LONGEST_PATH])

    def _refuse(self, status: int, words: str) -> None:
        self.close_connection = True  # what it has sent beyond the head is not read
        self._send(status, {"error": words, "detail": words})

    def _send(self, status: int, found: dict[str, Any]) -> None:
        content = json.dumps(found).encode()
        try:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", f'Basic realm="{USER}"')
            if self.close_connection:
                self.send_header("Connection", "close")
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True
