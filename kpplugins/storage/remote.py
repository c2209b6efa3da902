"""Files at addresses that fsspec opens."""

import time
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import numpy as np

from kpplugins.storage.byte_source import ByteSource
from kpplugins.storage.disk import FILE, FOLDER, NOTHING
from kpplugins.storage.file_system import file_system_of
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import spelled

_PAUSES = (0.5, 1.0)
"""Seconds before something is asked for again, and once more."""
_KNOWN = 300
"""Seconds for which a listing counts as current."""
_FINAL = (PermissionError, ValueError)
"""What asking again does not change."""
_SMALL = 1 << 20
"""Bytes of a whole file that are taken in place of a part, from servers that know no parts."""
_REFUSED = range(400, 500)
"""Answers of the web that do not change when they are asked for again."""
_WEB = ("http", "https")
_HOST = 2
"""Parts of an address that has a protocol and a host or bucket only."""
_TELLING = ("ETag", "etag", "md5Hash", "mtime", "created", "LastModified")
"""What file systems say of a file that changes with its content."""


class _RemoteFile(ByteSource):
    """A file elsewhere.

    Args:
        path: its address.
        size: in bytes.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.where, self.size, self._path = spelled(path), size, path

    def read(self, start: int, length: int) -> bytes:
        """Read a part.

        Raises:
            BadInputError: the server sends only whole files, or see ``Remote``.
        """
        end = min(start + length, self.size)
        if start >= end:
            return b""
        found = asked(self._path, lambda system, place: system.cat_file(place, start=start, end=end))
        if len(found) > max(end - start, _SMALL):
            raise BadInputError(
                "the server sends whole files only", where=self.where, expected="parts of it (HTTP ranges)",
                todo="download it",
            )  # fmt: skip
        return found[start:end] if len(found) > end - start else found


class Remote:
    """What is at an address. A listing counts for five minutes; a web server that does not list is asked for each file.

    Every method raises BadInputError if the address cannot be reached, and MachineError if the package for its protocol
    is missing.
    """

    def kind(self, path: Path) -> str:
        """Return ``FILE``, ``FOLDER``, or ``NOTHING`` where there is neither."""
        if len(path.parts) <= _HOST and path.parts[0].removesuffix(":") in _WEB:
            return FOLDER
        found = self._entries(path.parent)
        if found:
            return found[path.name].kind if path.name in found else NOTHING
        try:
            info = asked(path, lambda system, place: system.info(place))
        except FileNotFoundError:
            return NOTHING
        lists = not path.suffix and bool(self._entries(path))  # the web calls everything a file
        return FOLDER if lists or info.get("type") == "directory" else FILE

    def names(self, folder: Path) -> dict[str, str]:
        """Return what a folder has: the kind by name, sorted; nothing if it is not listed."""
        return {name: entry.kind for name, entry in sorted((self._entries(folder) or {}).items())}

    def stamp(self, path: Path) -> tuple[int, int]:
        """Return two numbers which tell whether a file is still the same, as far as the other side says; and its size.

        Raises:
            FileNotFoundError: there is no such file.
        """
        entry = (self._entries(path.parent) or {}).get(path.name)
        if entry is None or entry.size is None:
            entry = _Entry.of(asked(path, lambda system, place: system.info(place)))
        return entry.state, entry.size or 0

    def source(self, file: Path) -> ByteSource:
        """Open a file."""
        return _RemoteFile(file, self.stamp(file)[1])

    def content(self, file: Path) -> np.ndarray:
        """Read all of a file: (N,) uint8.

        Raises:
            FileNotFoundError: there is no such file.
        """
        return np.frombuffer(asked(file, lambda system, place: system.cat_file(place)), np.uint8)

    def _entries(self, folder: Path) -> dict[str, "_Entry"] | None:
        return _listing(str(folder), now()) if len(folder.parts) >= _HOST else None


def now() -> int:
    """Return a number that changes when listings are to be asked for again.

    Returns:
        It; the same in forked processes.
    """
    return int(time.monotonic()) // _KNOWN


class _Entry(NamedTuple):
    """What a listing says of a file or folder: a number that changes with its content, and its size if it is known."""

    kind: str
    size: int | None
    state: int

    @classmethod
    def of(cls, info: dict[str, Any]) -> "_Entry":
        telling = " ".join(str(info[key]) for key in _TELLING if key in info)
        kind = FOLDER if info.get("type") == "directory" else FILE
        return cls(kind, info.get("size"), zlib.crc32(telling.encode()))


@lru_cache(maxsize=4096)
def _listing(folder: str, period: int) -> dict[str, _Entry] | None:
    """List a folder; ``None`` if it is not listed or not there."""

    def ask(system: Any, place: str) -> list[dict[str, Any]]:
        listed = system.ls(place, detail=True)
        return [
            entry for entry in listed if str(entry["name"]).strip("/") != place.strip("/")
        ]  # a file lists itself

    web = folder.split(":")[0] in _WEB
    try:
        entries = asked(Path(folder), ask)
    except FileNotFoundError:
        return None
    except BadInputError as error:
        if web and _status_of(error.__cause__) in _REFUSED:
            return None
        raise
    found = {}
    for entry in entries:
        name = str(entry["name"]).rstrip("/").rpartition("/")[2]
        name = unquote(name.split("?")[0].split("#")[0]) if web else name
        if name:
            found[name] = _Entry.of(entry)
    return found


def asked(path: Path, question: Callable[[Any, str], Any]) -> Any:
    """Ask the file system of an address something; again, after a pause, if the answer is an error that may pass.

    Args:
        path: the address.
        question: gets the file system, made in this process, and the place in it.

    Returns:
        The answer.

    Raises:
        FileNotFoundError: there is no such file.
        MachineError: see ``file_system_of``.
        BadInputError: see ``file_system_of``; or there is no access, or no answer.
    """
    address, pauses = spelled(path), list(_PAUSES)
    protocol, _, rest = address.partition("://")
    if protocol in _WEB:
        address = f"{protocol}://{quote(rest, safe='/:@[]')}"
    while True:
        try:
            return question(*file_system_of(address))
        except BadInputError:
            raise
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            reason = error.__cause__ or error  # fsspec says so of every web address that it cannot reach
            if protocol not in _WEB or reason is error or _status_of(reason) in _REFUSED:
                raise FileNotFoundError(2, "No such file", spelled(path)) from error
            if not pauses:
                raise _unanswered(path, reason) from error
            time.sleep(pauses.pop(0))
        except Exception as error:  # every protocol has errors of its own
            if isinstance(error, _FINAL) or not pauses:
                raise _unanswered(path, error) from error
            time.sleep(pauses.pop(0))


def _status_of(error: BaseException | None) -> int:
    """Return the status of an answer of the web that is an error; 0 where it is none."""
    return int(getattr(error, "status", 0))


def _unanswered(path: Path, error: BaseException) -> BadInputError:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return BadInputError(
        f"cannot be read ({reason})", where=str(path),
        todo="see that the address is right, the network there and access granted (as fsspec takes them: its "
        "environment variables FSSPEC_PROTOCOL_OPTION, or its files in ~/.config/fsspec)",
    )  # fmt: skip
