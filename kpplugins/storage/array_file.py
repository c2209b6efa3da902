"""Arrays and what is said about them in one file, which is mapped: processes that open it share its pages.

It holds numbers and JSON alone, and a check sum of all of it.
"""

import json
import mmap
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

_MAGIC, _HEAD = b"kpplugins arrays 1", 64
_KIND = re.compile(r"[<>|][ui][1248]")


def write_arrays(file: BinaryIO, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
    """Write arrays.

    Args:
        file: open for writing, empty, seekable.
        arrays: one-dimensional, of whole numbers, by name.
        about: JSON to keep with them.

    Raises:
        OSError: they cannot be written.
    """
    places: dict[str, list[Any]] = {}
    start = 0
    for name, array in arrays.items():
        places[name] = [array.dtype.str, start, start + array.nbytes]
        start += array.nbytes + -array.nbytes % _HEAD
    header = json.dumps({**about, "arrays": places}).encode()
    header += b" " * (-len(header) % _HEAD)
    file.write(b" " * _HEAD)
    total = 0
    for array in (np.frombuffer(header, np.uint8), *arrays.values()):
        for piece in (array.data, b"\0" * (-array.nbytes % _HEAD)):
            total = zlib.crc32(piece, total)
            file.write(piece)
    file.seek(0)
    file.write(b"%s\n%08x %08x" % (_MAGIC, total, len(header)))


class ArrayFile(dict[str, np.ndarray]):
    """Arrays that ``write_arrays`` has written, by name; not to be written to.

    Args:
        content: (N,) uint8, all of the file.
        total: its check sum, if it must be this one; it is not computed then.

    Attributes:
        about: what was kept with them.
        total: the check sum.

    Raises:
        ValueError: the file is damaged, or another one than ``total`` says.
    """

    def __init__(self, content: np.ndarray, total: int | None = None) -> None:
        magic, _, rest = content[:_HEAD].tobytes().partition(b"\n")
        stated, length = (int(part, 16) for part in rest.split())
        if magic != _MAGIC or (zlib.crc32(content[_HEAD:].data) if total is None else total) != stated:
            raise ValueError("another sum than stated")
        self.total = stated
        self.about: dict[str, Any] = json.loads(content[_HEAD : _HEAD + length].tobytes())
        places, content = self.about["arrays"], content[_HEAD + length :]
        for kind, start, end in places.values():
            if not _KIND.fullmatch(kind) or not 0 <= start <= end <= len(content):
                raise ValueError("arrays that cannot be")
        super().__init__({name: content[start:end].view(kind) for name, (kind, start, end) in places.items()})


def mapped(path: Path) -> np.ndarray:
    """Map a file into memory.

    Args:
        path: the file, which must not be written to any more, only replaced.

    Returns:
        (N,) uint8, its content.

    Raises:
        ValueError: it is empty.
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
