"""Write a file completely or not at all."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kpplugins.structures.errors import BadInputError
from kpplugins.structures.machine_error import MachineError

_OF_INPUT = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL)
"""Errors of a path that cannot be; the others (no space, no permission, a broken disk) are the machine's."""
PART = ".part-"
"""Beginning of the names under which files are written; one that is left over belongs to a process that was killed."""


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Write a file under another name in its folder; it takes its place when it is whole and on the disk.

    Whatever happens on the way, also to the machine, ``path`` is afterwards the old file or the new one.

    Args:
        path: the file to be made or replaced; a link is followed. A device or pipe is written to directly.

    Yields:
        The path to write to, with the same suffix.

    Raises:
        BadInputError: it cannot be written: no space, no permission, no such folder.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        yield path
        return
    aside = target.with_name(f"{PART}{secrets.token_hex(4)}{target.suffix}")
    try:
        yield aside
        sync(aside)
        aside.replace(target)
        sync(target.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def replace_bytes(path: Path, content: bytes) -> None:
    """Write a file's content completely or not at all.

    Args:
        path: see ``replaced_file``.
        content: all of it.

    Raises:
        BadInputError: see ``replaced_file``.
    """
    with replaced_file(path) as aside:
        aside.write_bytes(content)


def replace_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 completely or not at all.

    Args:
        path: see ``replaced_file``.
        text: all of it.

    Raises:
        BadInputError: see ``replaced_file``.
    """
    replace_bytes(path, text.encode("utf-8"))


def unwritable(path: Path, error: OSError) -> BadInputError:
    """Say in one line why a file cannot be written.

    Args:
        path: the file.
        error: what the system says.

    Returns:
        The error to raise; a ``MachineError`` unless the path itself is wrong.
    """
    kind = BadInputError if error.errno in _OF_INPUT else MachineError
    return kind(
        f"cannot be written ({error.strerror or error})", where=str(path),
        todo="make room or give another folder, then start again (a training: --resume); what was there is unchanged",
    )  # fmt: skip


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk.

    Args:
        path: a file or folder. Systems that cannot open folders write their names at once.

    Raises:
        OSError: the disk does not take it.
    """
    try:
        number = os.open(path, os.O_RDONLY)
    except PermissionError:  # a folder on Windows, or a file that only its group may read
        return
    try:
        os.fsync(number)
    finally:
        os.close(number)
