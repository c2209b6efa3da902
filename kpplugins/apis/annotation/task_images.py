"""The images that an annotation tool's tasks name, and where they may come from."""

import base64
import binascii
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote_to_bytes, urljoin, urlsplit

from kpplugins.apis.annotation.tool_key import ToolKey
from kpplugins.apis.web.uploads import MOST_MEGABYTES
from kpplugins.data.images import SUFFIXES
from kpplugins.data.parsing.image_files import below
from kpplugins.structures import BadInputError

if TYPE_CHECKING:
    import numpy as np

_Reader = Callable[[Path], "np.ndarray"]
_SECONDS = 20
"""For which a server may be silent."""
_MOST_BYTES = MOST_MEGABYTES * 1_000_000
_ADDRESS = "%/:?#[]@!$&'()*+,;=~"
"""Characters that an address has as they are."""
_SHOWN = 100
"""Characters of an address in a message."""


@dataclass(frozen=True)
class TaskImages:
    """Reads the image of a task from the places that whoever started the server has named, and from no other.

    Attributes:
        folder: images named by local files (``/data/local-files/?d=…``) or relative names are below it; ``None``: none.
        tool: address of the annotation tool, whose ``/data/upload/…`` are fetched; ``None``: none are.
        key: sent to the tool alone.
        allowed: addresses with which those of further images may begin.
    """

    folder: Path | None = None
    tool: str | None = None
    key: ToolKey | None = None
    allowed: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse what would let every address through.

        Raises:
            BadInputError: an address without protocol or host, or a folder that is not there.
        """
        for name, address in [("--url", self.tool), *(("--allow-url", a) for a in self.allowed)]:
            parts = urlsplit(address or "http://none")
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
                raise BadInputError(
                    "not the address of a server",
                    where=name,
                    expected="http://HOST:PORT/",
                    found=str(address),
                )
        if self.folder is not None and not self.folder.is_dir():
            raise BadInputError("no such folder", where="--images", found=str(self.folder))

    def open(self, address: str, read: _Reader) -> "np.ndarray":
        """Read an image.

        Args:
            address: of a task: ``data:…``, ``/data/local-files/?d=…``, ``/data/upload/…``, ``http://…``, or a name.
            read: decodes a file, as ``Predictor.read``.

        Returns:
            (H, W, 3) BGR uint8.

        Raises:
            BadInputError: it may not be read from there, is too large, or is not an image.
        """
        shown = address[:_SHOWN]
        if address.startswith("data:"):
            return _decoded(_content_of(address), shown, read)
        try:
            parts = urlsplit(address)
        except ValueError as error:
            raise BadInputError("not an address", where=shown, found=str(error)) from error
        if not parts.scheme and parts.path.rstrip("/").endswith("/data/local-files"):
            names = parse_qs(parts.query).get("d", [""])
            return self._file(names[0], shown, read)
        if not parts.scheme and address.startswith("/"):
            if self.tool is None:
                raise BadInputError(
                    "image is kept by the annotation tool", where=shown,
                    todo="start with --url, the tool's address, and its API key in LABEL_STUDIO_API_KEY",
                )  # fmt: skip
            return _decoded(self._fetched(urljoin(self.tool, address)), shown, read)
        if parts.scheme in ("http", "https"):
            return _decoded(self._fetched(address), shown, read)
        if "://" in address:
            raise BadInputError(
                "addresses of this kind are not read", where=shown,
                expected="http, https, data, local files or uploads",
            )  # fmt: skip
        return self._file(address, shown, read)

    def may_fetch(self, address: str) -> bool:
        """Tell whether an address is one of those that were named.

        Args:
            address: with its protocol.

        Returns:
            Whether it is of the tool's own server, or begins with an allowed address: same protocol, host and port, and
            a path below it.
        """
        named = [*([] if self.tool is None else [urljoin(self.tool, "/")]), *self.allowed]
        return any(_is_below(address, root) for root in named)

    def _file(self, name: str, shown: str, read: _Reader) -> "np.ndarray":
        if self.folder is None:
            raise BadInputError(
                "image is a local file", where=shown,
                todo="start with --images, the folder that the names of local files are relative to",
            )  # fmt: skip
        path = below(self.folder, name, shown)
        if path.suffix.lower() not in SUFFIXES:
            raise BadInputError("not the name of an image", where=shown, expected=", ".join(SUFFIXES))
        try:
            size = path.stat().st_size if path.is_file() else 0
        except OSError as error:
            raise BadInputError("image cannot be read", where=shown, found=str(error.strerror)) from error
        if size > _MOST_BYTES:
            raise _too_large(shown)
        return read(path)

    def _fetched(self, address: str) -> bytes:
        if not self.may_fetch(address):
            raise BadInputError(
                "this address may not be read", where=address[:_SHOWN],
                expected="an address below one of --allow-url, or of the annotation tool (--url)",
                todo="start with --allow-url, if you trust that server",
            )  # fmt: skip
        request = urllib.request.Request(quote(address, safe=_ADDRESS))
        if self.key is not None and _is_below(address, urljoin(self.key.tool, "/")):
            request.add_unredirected_header("Authorization", self.key.header())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Redirects(self.may_fetch))
        try:
            with opener.open(request, timeout=_SECONDS) as answer:
                content = answer.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            raise BadInputError(
                f"image cannot be fetched (HTTP {error.code})", where=address[:_SHOWN],
                todo="give the annotation tool's API key in LABEL_STUDIO_API_KEY" if error.code in (401, 403) else "",
            ) from error  # fmt: skip
        except (OSError, ValueError, HTTPException) as error:
            words = " ".join(str(getattr(error, "reason", error)).split())[:120]
            raise BadInputError(f"image cannot be fetched ({words})", where=address[:_SHOWN]) from error
        if len(content) > _MOST_BYTES:
            raise _too_large(address[:_SHOWN])
        return content


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections to addresses that could have been asked for directly."""

    def __init__(self, may_fetch: Callable[[str], bool]) -> None:
        self.may_fetch = may_fetch

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Refuse other addresses."""
        if not self.may_fetch(newurl):
            raise BadInputError(
                "image is kept at an address that may not be read", where=newurl.split("?")[0][:_SHOWN],
                todo="start with --allow-url, if you trust that server",
            )  # fmt: skip
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _is_below(address: str, root: str) -> bool:
    """Compare protocol, host and port, and the folders of the path; ``..`` and user names are never below anything."""
    try:
        one, other = urlsplit(address), urlsplit(root)
        same = (one.scheme, one.hostname, _port(one.scheme, one.port)) == (
            other.scheme, other.hostname, _port(other.scheme, other.port),
        )  # fmt: skip
    except ValueError:
        return False
    path = unquote_to_bytes(one.path or "/").replace(b"\\", b"/")
    folder = unquote_to_bytes(other.path or "/").rstrip(b"/") + b"/"
    plain = b".." not in path.split(b"/") and one.username is None and one.password is None
    return same and plain and (path + b"/").startswith(folder)


def _port(scheme: str, port: int | None) -> int:
    return port if port is not None else {"http": 80}.get(scheme, 443)


def _content_of(address: str) -> bytes:
    """Return what a ``data:`` address holds."""
    kind, comma, text = address[5:].partition(",")
    if not comma or not kind.lower().endswith(";base64"):
        raise BadInputError(
            "not an image", where=address[:_SHOWN], expected="data:image/…;base64,…", todo="upload it instead"
        )
    if len(text) * 3 // 4 > _MOST_BYTES:
        raise _too_large(address[:_SHOWN])
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInputError("not valid base64", where=address[:_SHOWN]) from error


def _decoded(content: bytes, shown: str, read: _Reader) -> "np.ndarray":
    """Decode an image that is not a file, with the limits of those that are."""
    with tempfile.TemporaryDirectory(prefix="kpplugins_task_") as folder:
        path = Path(folder) / "image"
        path.write_bytes(content)
        try:
            return read(path)
        except BadInputError as fault:
            raise BadInputError(fault.what, where=shown, expected=fault.expected, todo=fault.todo) from fault


def _too_large(shown: str) -> BadInputError:
    return BadInputError("image is too large", where=shown, expected=f"at most {MOST_MEGABYTES} MB")
