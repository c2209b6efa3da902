"""A file that grows by whole lines."""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kpplugins.structures.replaced_file import unwritable

_SYNC_EVERY = 5.0
"""Seconds after which lines are brought to the disk; a process that is killed loses none that were written."""
_PIECE = 1 << 20


class LineFile:
    """Appends lines such that the file never holds a half one: not after a kill, on a full disk, or at once.

    Lines are written together by one call. What a full disk took of them is cut off again; what a kill in the middle of
    the call left is cut off when the file is opened next.

    Args:
        path: the file, made if needed.

    Attributes:
        torn: bytes of a last line without end that were cut off when the file was opened.

    Raises:
        BadInputError: it cannot be opened; a ``MachineError`` where the machine is at fault.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._number, self._synced = -1, time.monotonic()
        try:
            self._number = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666
            )
            length = os.fstat(self._number).st_size
            self._size = _end_of_last_line(self._number, length)
            self.torn = length - self._size
            if self.torn:
                os.ftruncate(self._number, self._size)
        except OSError as error:
            self.close()
            raise unwritable(path, error) from error

    def __enter__(self) -> "LineFile":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def append(self, lines: Iterable[str]) -> None:
        """Write lines, all or none of them.

        Args:
            lines: without their ends.

        Raises:
            BadInputError: they cannot be written; a ``MachineError`` where the machine is at fault.
        """
        content = "".join(f"{line}\n" for line in lines).encode("utf-8")
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[os.write(self._number, rest) :]
        except BaseException as error:
            os.ftruncate(self._number, self._size)
            if isinstance(error, OSError):
                raise unwritable(self.path, error) from error
            raise
        self._size += len(content)
        if time.monotonic() - self._synced > _SYNC_EVERY:
            self._sync()

    @property
    def closed(self) -> bool:
        """Tell whether the file was closed."""
        return self._number < 0

    def close(self) -> None:
        """Bring what was written to the disk, and close the file."""
        if self._number >= 0:
            try:
                self._sync()
            finally:
                os.close(self._number)
                self._number = -1

    def _sync(self) -> None:
        try:
            os.fsync(self._number)
        except OSError as error:
            raise unwritable(self.path, error) from error
        self._synced = time.monotonic()


def _end_of_last_line(number: int, length: int) -> int:
    """Return the offset behind the last line's end."""
    end = length
    while end > 0:
        start = max(0, end - _PIECE)
        os.lseek(number, start, os.SEEK_SET)
        piece = os.read(number, end - start)
        place = piece.rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0
