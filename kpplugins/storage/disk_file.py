"""A file on a disk of this machine, read in parts."""

import os
import threading
import weakref
from collections import deque
from io import FileIO
from pathlib import Path
from typing import ClassVar

from kpplugins.storage.byte_source import ByteSource
from kpplugins.structures import BadInputError

_MOST_OPEN = 200
"""Files that are open at once; a process may have 1,024 by default."""


class DiskFile(ByteSource):
    """A file on the disk, opened when it is first read.

    Args:
        path: the file.

    Raises:
        OSError: there is none.
    """

    _open_ones: "ClassVar[deque[weakref.ref[DiskFile]]]" = deque()
    """Those that are open, the first one first."""

    def __init__(self, path: Path) -> None:
        state = path.stat()
        self.where, self.size, self._path = str(path), state.st_size, path
        self._state, self._lock = (state.st_size, state.st_mtime_ns), threading.Lock()
        self._file: FileIO | None = None

    def read(self, start: int, length: int) -> bytes:
        """Read a part; the position that forks of this process share does not matter.

        Raises:
            BadInputError: the file was changed since it was first seen.
            OSError: it cannot be read.
        """
        file = self._file or self._opened()
        state = os.fstat(file.fileno())
        if self._state != (state.st_size, state.st_mtime_ns):
            raise BadInputError("was changed while it is in use", where=self.where, todo="start again")
        parts: list[bytes] = []
        while length > 0 and (part := self._piece(file, start, length)):
            parts.append(part)
            start, length = start + len(part), length - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _opened(self) -> FileIO:
        """Open the file; the one that was opened first is closed if there are many, once nobody is reading it."""
        file = self._file = FileIO(self._path)
        self._open_ones.append(weakref.ref(self))
        while len(self._open_ones) > _MOST_OPEN:
            first = self._open_ones.popleft()()
            if first is not None and first is not self:
                first._file = None
        return file

    def _piece(self, file: FileIO, start: int, length: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(file.fileno(), length, start)
        with self._lock:  # no forks either on such systems
            file.seek(start)
            return file.read(length) or b""
