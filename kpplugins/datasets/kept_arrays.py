"""Keep arrays that take long to build in a file, for as long as what they were made from is the same.

The file is mapped into memory, so that all processes that open it share its pages. It is checked whole: its own sum,
the content of the annotation files, and size and time of every image and of the images' folders, or of the archive that
they are in. It is in ``$XDG_CACHE_HOME/kpplugins`` (``~/.cache/kpplugins``), written aside and renamed, and holds
numbers and JSON alone. What was said while the arrays were built is said again.
"""

import hashlib
import json
import logging
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from kpplugins.storage.array_file import ArrayFile, mapped, write_arrays
from kpplugins.storage.files import archive_of, is_file, open_file, size_of
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import is_address

logger = logging.getLogger(__name__)

WORTH_KEEPING = 5_000_000
"""Least size of the annotation files together, in bytes; smaller ones are read in a second."""
_ROOMS = ("data", "datasets", "schema", "storage", "structures")
"""Code that decides what is read; other code, other arrays."""
_ENDING = ".arrays"
_PATIENCE = 1800
"""Seconds to wait for another process that builds the same."""
_UNUSED = 30 * 86400
"""Seconds after which a file that nobody opened is deleted."""


class KeptArrays(ArrayFile):
    """Arrays in a mapped file; to another process goes its path, not their content.

    Args:
        path: the file.
        total: its check sum, if it must still be the same.

    Raises:
        ValueError: the file is damaged, or another one than ``total`` says.
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path, total: int | None = None) -> None:
        super().__init__(mapped(path), total)
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path, int], "KeptArrays"], tuple[Path, int]]:
        return _opened_again, (self.path, self.total)


def _opened_again(path: Path, total: int) -> KeptArrays:
    """Open in a spawned process what its parent has open."""
    try:
        return KeptArrays(path, total)
    except (OSError, ValueError) as error:
        raise BadInputError(
            "index of the annotations was deleted or made again while it is in use",
            where=str(path),
            todo="start again",
        ) from error


def kept_arrays(
    key: Mapping[str, str],
    files: Sequence[Path],
    build: Callable[[], Mapping[str, np.ndarray]],
    images_in: Callable[[Mapping[str, np.ndarray]], Sequence[bytes]],
) -> Mapping[str, np.ndarray]:
    """Open the arrays that an earlier call has kept, or build and keep them.

    Several processes that ask at once build once. Where nothing can be written, they are built and not kept.

    Args:
        key: the choices that they depend on.
        files: what they are made from; a file that is missing counts as such.
        build: builds one-dimensional arrays.
        images_in: returns the paths of the images that arrays name.

    Returns:
        The arrays, not to be written to.
    """
    if any(map(is_address, files)):  # nobody tells what has changed there
        return build()
    if sum(size_of(file) for file in files if is_file(file)) < WORTH_KEEPING:
        return build()
    try:
        path = _place(key)
        made_from = {"code": _code(), "files": {str(file): _content(file) for file in files}}
        found = _found(path, made_from, images_in)
        if found is None:
            lock = FileLock(f"{path}.lock", timeout=_PATIENCE)
            lock.acquire()
    except (OSError, RuntimeError, NotImplementedError) as error:  # RuntimeError: there is no home
        logger.info("index of the annotations is not kept: %s", error)
        return build()
    if found is None:
        with lock:
            lock.release()  # it counts how often it was acquired
            found = _found(path, made_from, images_in, told=True)
            if found is None:
                return _built(path, made_from, build, images_in)
    logger.info("index of the annotations opened: %s", found.path)
    for name, level, text in found.about["said"]:
        logging.getLogger(name).log(level, "%s", text)
    return found


def _built(path: Path, made_from: dict, build: Callable, images_in: Callable) -> Mapping[str, np.ndarray]:
    """Build the arrays, and return them from the file into which they were written; themselves if they cannot be."""
    with _heard() as said:
        arrays = build()
    try:
        about = {"made from": made_from, "images": _state(images_in(arrays)), "said": said}
        _write(path, arrays, about)
        return KeptArrays(path)
    except (OSError, ValueError) as error:
        logger.info("index of the annotations is not kept: %s", error)
        return arrays


def _found(path: Path, made_from: dict, images_in: Callable, told: bool = False) -> KeptArrays | None:
    """Open a file if it is whole and everything it was made from is the same; ``told`` says why it is not used."""
    if not path.is_file():
        return None
    try:
        found = KeptArrays(path)
        current = found.about["made from"] == made_from and found.about["images"] == _state(images_in(found))
        reason = "other annotations, images or code"
    except (OSError, ValueError, KeyError, TypeError):
        current, reason = False, "damaged"
    if current:
        with suppress(OSError):
            os.utime(path)  # it is in use
        return found
    if told:
        logger.info("index of the annotations is made again: %s (%s)", reason, path)
    return None


def _write(path: Path, arrays: Mapping[str, np.ndarray], about: dict) -> None:
    """Write a file aside and rename it; delete those that nobody used for long."""
    aside = path.with_name(
        f"{path.name}.part"
    )  # nobody else has the lock; what a killed process left is overwritten
    try:
        with aside.open("wb") as file:
            write_arrays(file, arrays, about)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    for old in path.parent.glob(f"*{_ENDING}*"):
        if time.time() - old.stat().st_mtime > _UNUSED:
            old.unlink(missing_ok=True)


@contextmanager
def _heard() -> Iterator[list[tuple[str, int, str]]]:
    """Note the warnings of this package: logger, level and text."""
    said: list[tuple[str, int, str]] = []
    listener = logging.Handler(logging.WARNING)
    listener.emit = lambda record: said.append((record.name, record.levelno, record.getMessage()))  # type: ignore[method-assign]
    ours = logging.getLogger(__name__.split(".")[0])
    ours.addHandler(listener)
    try:
        yield said
    finally:
        ours.removeHandler(listener)


def _place(key: Mapping[str, str]) -> Path:
    """Return the file for a key, in a folder that exists."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kpplugins"
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    return folder / f"{name}{_ENDING}"


def _content(file: Path) -> list[int] | None:
    """Return size and check sum of a file; ``None`` for a missing one."""
    if not is_file(file):
        return None
    total = size = 0
    with open_file(file) as opened:
        while piece := opened.read(1 << 20):
            total, size = zlib.crc32(piece, total), size + len(piece)
    return [size, total]


def _state(images: Sequence[bytes]) -> list[Any]:
    """Return what tells whether images are the same: their sizes and times in short, and the times of their folders.

    Of those in archives, it is what tells whether the archives are.
    """
    folders = sorted({os.fsdecode(image.rpartition(b"/")[0]) for image in images})
    archives = {folder: archive for folder in folders if (archive := archive_of(Path(folder)))}
    inside = {os.fsencode(folder) for folder in archives}
    plain = [image for image in images if image.rpartition(b"/")[0] not in inside]
    found = np.array([(s.st_size, s.st_mtime_ns) for s in map(os.stat, plain)], np.int64)
    times = [[folder, Path(folder).stat().st_mtime_ns] for folder in folders if folder not in archives]
    packed = [[where, *stamp] for where, stamp in sorted(set(archives.values()))]
    return [len(images), zlib.crc32(found.tobytes()), times, packed]


@cache
def _code() -> int:
    """Return the check sum of the code that decides what is read."""
    package = Path(__file__).parent.parent
    files = sorted(file for room in _ROOMS for file in (package / room).rglob("*.py"))
    return zlib.crc32(b"".join(file.read_bytes() for file in files))
