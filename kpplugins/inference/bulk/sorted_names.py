"""Names in order, whatever their number."""

import heapq
import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import IO

_AT_ONCE = 200_000
"""Names that are sorted in memory; more are sorted in pieces on the disk, and the pieces merged."""
_PIECE = 1 << 16


def sorted_names(names: Iterable[str], at_once: int = _AT_ONCE) -> Iterator[str]:
    """Sort names by their code points without holding all of them in memory.

    Args:
        names: any number of file names.
        at_once: the most that are held in memory.

    Yields:
        The names in order.
    """
    rest = iter(names)
    first = sorted(itertools.islice(rest, at_once))
    if len(first) < at_once:
        yield from first
        return
    with ExitStack() as files:
        pieces = [_written(first, files)]
        while more := sorted(itertools.islice(rest, at_once)):
            pieces.append(_written(more, files))
        del first, more
        yield from heapq.merge(*map(_read, pieces))


def _written(names: list[str], files: ExitStack) -> IO[bytes]:
    file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    file.writelines(os.fsencode(name) + b"\0" for name in names)
    file.seek(0)
    return file


def _read(file: IO[bytes]) -> Iterator[str]:
    rest = b""
    while piece := file.read(_PIECE):
        *whole, rest = (rest + piece).split(b"\0")
        yield from map(os.fsdecode, whole)
