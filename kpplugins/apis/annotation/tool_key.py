"""Label Studio's API keys: those of old, and personal access tokens, which are exchanged for short-lived ones."""

import json
import threading
import time
import urllib.request
from urllib.parse import urljoin

from kpplugins.structures import BadInputError

_SECONDS = 20
"""For which Label Studio may be silent."""
_FRESH = 120
"""Seconds for which an exchanged token is used; Label Studio's are valid for five minutes."""
_MOST_BYTES = 100_000
_PARTS_OF_TOKEN = 3


class ToolKey:
    """Says who asks Label Studio for an image.

    Args:
        tool: Label Studio's address.
        key: a personal access token, or a legacy token.
    """

    def __init__(self, tool: str, key: str) -> None:
        self.tool, self._key = tool, key
        self._access, self._until = "", 0.0
        self._one_at_a_time = threading.Lock()

    def header(self) -> str:
        """Return the value of ``Authorization``.

        Raises:
            BadInputError: Label Studio does not take the key, or cannot be reached.
        """
        if len(self._key.split(".")) != _PARTS_OF_TOKEN:
            return f"Token {self._key}"
        with self._one_at_a_time:
            if time.monotonic() > self._until:
                self._access, self._until = self._exchanged(), time.monotonic() + _FRESH
            return f"Bearer {self._access}"

    def _exchanged(self) -> str:
        address = urljoin(self.tool, "/api/token/refresh")
        sent = json.dumps({"refresh": self._key}).encode()
        request = urllib.request.Request(address, sent, {"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())
        try:
            with opener.open(request, timeout=_SECONDS) as answer:
                return str(json.loads(answer.read(_MOST_BYTES))["access"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            words = " ".join(str(error).split())[:120]
            raise BadInputError(
                f"the annotation tool does not take its API key ({words})", where=address,
                todo="make a new one (Account & Settings > Personal Access Token), for LABEL_STUDIO_API_KEY",
            ) from error  # fmt: skip


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Sends a key to nobody else."""

    def redirect_request(self, *args: object) -> None:  # type: ignore[override]
        """Follow none."""
