"""Parts of a file by their place."""

import io
from abc import ABC, abstractmethod
from typing import BinaryIO

_AHEAD = 8192
"""Bytes that are read at once through ``opened``."""


class ByteSource(ABC):
    """A file of which parts are read by their place; in several threads and forked processes at once.

    Attributes:
        where: its path or address, for messages.
        size: in bytes.
    """

    where: str
    size: int

    @abstractmethod
    def read(self, start: int, length: int) -> bytes:
        """Read a part.

        Args:
            start: place of its first byte.
            length: in bytes.

        Returns:
            The bytes; fewer where the file ends.

        Raises:
            OSError: they cannot be read.
        """

    def opened(self, start: int = 0, length: int | None = None) -> BinaryIO:
        """Open the file, or a part of it, as Python opens files.

        Args:
            start: place of the first byte.
            length: of the part in bytes; ``None`` goes to the end.

        Returns:
            A file to read from, with a position of its own.
        """
        end = self.size if length is None else min(start + length, self.size)
        return io.BufferedReader(_Part(self, start, end), _AHEAD)


class _Part(io.RawIOBase):
    """A part of a source as a file."""

    def __init__(self, source: ByteSource, start: int, end: int) -> None:
        self.source, self.start, self.length, self.place = source, start, max(end - start, 0), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.length}[whence]
        if base + offset < 0:
            raise OSError("before the beginning of the file")
        self.place = base + offset
        return self.place

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def,override]
        wanted = min(len(buffer), self.length - self.place)
        content = self.source.read(self.start + self.place, wanted) if wanted > 0 else b""
        buffer[: len(content)] = content
        self.place += len(content)
        return len(content)
