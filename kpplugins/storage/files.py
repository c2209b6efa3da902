"""What is asked of a path, wherever it leads: on the disk, through an archive, or to an address."""

import io
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from kpplugins.storage.archive import INDEX_FILE, Archive, archive_at
from kpplugins.storage.disk import FILE, FOLDER, Disk
from kpplugins.storage.lmdb_files import DATA_FILE, LOCK_FILE
from kpplugins.storage.remote import Remote, now
from kpplugins.storage.tar_files import shards_in
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import is_address, spelled

_DISK, _REMOTE = Disk(), Remote()
_NOT_THERE = (FileNotFoundError, NotADirectoryError)
_OPEN = 256
"""Files and folders of which is remembered whether they are archives."""


def is_file(path: Path) -> bool:
    """Tell whether a file is there.

    Args:
        path: see the room.

    Returns:
        True for a file on the disk, in an archive or at an address.

    Raises:
        BadInputError: it would be in a damaged archive, or the address cannot be reached.
    """
    if not is_address(path):
        return path.is_file() or _member(path) is not None
    kind = _REMOTE.kind(path)
    return kind == FILE or (not kind and _member(path) is not None)


def is_folder(path: Path) -> bool:
    """Tell whether a folder is there; an archive is one.

    Args:
        path: see the room.

    Returns:
        True for a folder on the disk, an archive, a folder in an archive, or one at an address.

    Raises:
        BadInputError: see ``is_file``.
    """
    holder = None
    if is_address(path) or not path.is_dir():
        holder = _holder(path)
        if holder is None:
            return is_address(path) and _REMOTE.kind(path) == FOLDER
    return holder is None or not holder[1] or any(True for _ in holder[0].members.below(holder[1]))


def exists(path: Path) -> bool:
    """Tell whether a file or folder is there.

    Args:
        path: see the room.

    Returns:
        True if it is.

    Raises:
        BadInputError: see ``is_file``.
    """
    return is_file(path) or is_folder(path)


def read_bytes(path: Path) -> bytes:
    """Read all of a file.

    Args:
        path: see the room.

    Returns:
        Its content.

    Raises:
        FileNotFoundError: there is none.
        BadInputError: it is damaged in its archive, see ``Archive.read``; or the address cannot be reached.
        OSError: it cannot be read.
    """
    if not is_address(path):
        try:
            return path.read_bytes()
        except _NOT_THERE:
            archive, name = _held(path)
            return archive.read(name)
    if _remote_kind(str(path.parent), now()) == FOLDER:
        try:
            return _REMOTE.content(path).tobytes()
        except FileNotFoundError:
            pass
    holder = _remote_holder(str(path.parent), now())
    return (
        _REMOTE.content(path).tobytes() if holder is None else holder[0].read(_joined(holder[1], path.name))
    )


def open_file(path: Path) -> BinaryIO:
    """Open a file to read parts of it.

    Args:
        path: see the room.

    Returns:
        The file, to be closed.

    Raises:
        FileNotFoundError: there is none.
        BadInputError: see ``read_bytes``.
        OSError: it cannot be opened.
    """
    if not is_address(path):
        try:
            return path.open("rb")
        except _NOT_THERE:
            archive, name = _held(path)
            return archive.opened(name)
    member = _member(path)
    if member is not None:
        return member[0].opened(member[1])
    return io.BytesIO(read_bytes(path))  # one request, instead of several for its parts


def size_of(path: Path) -> int:
    """Return how many bytes a file has.

    Args:
        path: see the room.

    Returns:
        The number.

    Raises:
        FileNotFoundError: there is none.
        BadInputError: see ``is_file``.
        OSError: it cannot be asked.
    """
    return stamp_of(path)[1]


def stamp_of(path: Path) -> tuple[int, int]:
    """Return what tells whether a file is still the same, without reading it.

    Args:
        path: see the room.

    Returns:
        A number, such as its time; and its size in bytes.

    Raises:
        FileNotFoundError: there is none.
        BadInputError: see ``is_file``.
        OSError: it cannot be asked.
    """
    if not is_address(path):
        try:
            state = path.stat()
            return state.st_mtime_ns, state.st_size
        except _NOT_THERE:
            pass
    member = _member(path)
    if member is None:
        return _REMOTE.stamp(path) if is_address(path) else _DISK.stamp(path)
    archive, name = member
    return zlib.crc32(repr(archive.stamp).encode()), archive.size(name)


def archive_of(folder: Path) -> tuple[str, tuple[int, ...]] | None:
    """Return which archive a folder is in.

    Args:
        folder: see the room; the archive itself counts.

    Returns:
        Its path, and numbers that tell whether it is still the same; ``None`` for a folder in none.

    Raises:
        BadInputError: see ``is_file``.
    """
    if not is_address(folder) and folder.is_dir():
        return None
    holder = _holder(folder)
    return None if holder is None else (holder[0].where, holder[0].stamp)


def files_in(folder: Path) -> list[Path]:
    """List the files of a folder.

    Args:
        folder: see the room.

    Returns:
        Its files, sorted; nothing where it is not there, or its server does not list it.

    Raises:
        BadInputError: see ``is_file``.
        OSError: it cannot be listed.
    """
    return [folder / name for name, kind in sorted(_kinds(folder).items()) if kind == FILE]


def folders_in(folder: Path) -> list[Path]:
    """List the folders of a folder; an archive among its files is none.

    Args:
        folder: see the room.

    Returns:
        Its folders, sorted; see ``files_in``.

    Raises:
        BadInputError: see ``is_file``.
        OSError: it cannot be listed.
    """
    return [folder / name for name, kind in sorted(_kinds(folder).items()) if kind == FOLDER]


def _kinds(folder: Path) -> dict[str, str]:
    """Return what a folder has: the kind by name."""
    kinds = {}
    if is_address(folder):
        kinds = _REMOTE.names(folder)
    elif folder.is_dir():
        kinds = _DISK.names(folder)
    holder = _holder(folder)
    if holder is None:
        return kinds
    inside = holder[0].members.inside(holder[1])
    kinds = {name: kind for name, kind in kinds.items() if name not in _own_files(list(kinds))}
    return {**{name: FOLDER if deeper else FILE for name, deeper in inside.items()}, **kinds}


def walk(folder: Path) -> Iterator[str]:
    """List the files of a folder and its subfolders, without hidden ones.

    Args:
        folder: see the room.

    Yields:
        Their names relative to it, with /; those of one folder sorted.

    Raises:
        BadInputError: see ``is_file``.
        OSError: it cannot be listed.
    """
    holder = _holder(folder)
    if is_address(folder):
        yield from _remote_names(folder, holder is not None)
    else:
        for place, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            near = os.path.relpath(place, folder).replace(os.sep, "/")
            own = _own_files(names) if holder is not None and near == "." else set()
            for name in sorted(names):
                if not name.startswith(".") and name not in own:
                    yield name if near == "." else f"{near}/{name}"
    if holder is not None:
        for name in holder[0].members.below(holder[1]):
            if not any(part.startswith(".") for part in name.split("/")):
                yield name


def copy_file(source: Path, target: Path) -> None:
    """Copy a file to the disk.

    Args:
        source: see the room.
        target: the new file.

    Raises:
        FileNotFoundError: there is no such file.
        BadInputError: see ``read_bytes``.
        OSError: it cannot be read or written.
    """
    if not is_address(source) and source.exists():
        shutil.copyfile(source, target)
    else:
        target.write_bytes(read_bytes(source))


def _remote_names(folder: Path, own: bool) -> Iterator[str]:
    names = _REMOTE.names(folder)
    hidden = _own_files(names) if own else set()
    for name, kind in names.items():
        if name.startswith(".") or name in hidden:
            continue
        if kind == FILE:
            yield name
        else:
            yield from (f"{name}/{inner}" for inner in _remote_names(folder / name, False))


def _own_files(names: Iterable[str]) -> set[str]:
    """Return the files among those of an archive's folder that it consists of."""
    return {DATA_FILE, LOCK_FILE, INDEX_FILE, *shards_in(names)}


def _member(path: Path) -> tuple[Archive, str] | None:
    """Return the archive that has a file, and its name in it."""
    holder = _remote_holder(str(path.parent), now()) if is_address(path) else _holder(path.parent)
    if holder is None:
        return None
    name = _joined(holder[1], path.name)
    return (holder[0], name) if holder[0].members.find(name) is not None else None


def _held(path: Path) -> tuple[Archive, str]:
    holder = _holder(path.parent)
    if holder is None:
        raise FileNotFoundError(2, "No such file", spelled(path))
    return holder[0], _joined(holder[1], path.name)


def _joined(inner: str, name: str) -> str:
    return f"{inner}/{name}" if inner else name


def _holder(folder: Path) -> tuple[Archive, str] | None:
    """Return the archive that a folder is or would be in, and the folder's name in it: of the last part that exists."""
    if is_address(folder):
        return _remote_holder(str(folder), now())
    part = folder
    while not (kind := _DISK.kind(part)) and part != part.parent:
        part = part.parent
    return _archive_at(part, kind, folder) if kind else None


@lru_cache(maxsize=4 * _OPEN)
def _remote_kind(folder: str, period: int) -> str:
    """Return what a folder at an address is, once for as long as listings count."""
    return _REMOTE.kind(Path(folder))


@lru_cache(maxsize=4 * _OPEN)
def _remote_holder(folder: str, period: int) -> tuple[Archive, str] | None:
    """Answer ``_holder`` for an address, once for as long as listings count."""
    path = Path(folder)
    for part in (path, *path.parents[:-2]):
        kind = _remote_kind(str(part), period)
        if kind:
            return _archive_at(part, kind, path)
    return None


def _archive_at(part: Path, kind: str, folder: Path) -> tuple[Archive, str] | None:
    inner = folder.relative_to(part).as_posix()
    plain = os.path.normpath(inner).replace(os.sep, "/") if ".." in inner else inner
    if plain.startswith(".."):
        return None
    remote = is_address(part)
    try:
        stamps = _stamps(_REMOTE if remote else _DISK, part, kind)
        archive = _opened(str(part), kind, stamps, remote)
    except OSError as error:
        raise BadInputError(
            f"cannot be read ({error.strerror or error})", where=str(part), todo="see who may read it"
        ) from error
    if isinstance(archive, BadInputError):
        raise archive.with_traceback(None)
    if archive is None:
        return None
    if archive.members.root and f"{plain}/".startswith(archive.members.root):  # named though it need not be
        plain = plain[len(archive.members.root) :]
    return archive, "" if plain == "." else plain


def _stamps(system: Disk | Remote, part: Path, kind: str) -> tuple[int, ...]:
    """Return what changes with an archive: a database is written in place, which its folder does not show."""
    if kind == FILE:
        return system.stamp(part)
    if isinstance(system, Remote):
        names = system.names(part)
        own = [name for name in sorted(_own_files(names)) if name in names]
        return tuple(number for name in own for number in system.stamp(part / name))
    data = part / DATA_FILE
    return (*system.stamp(part), *(system.stamp(data) if data.is_file() else ()))


@lru_cache(maxsize=_OPEN)
def _opened(path: str, kind: str, stamps: tuple[int, ...], remote: bool) -> Archive | BadInputError | None:
    """Open what may be an archive; that it is damaged is remembered, too."""
    try:
        archive = archive_at(_REMOTE if remote else _DISK, Path(path), kind)
    except BadInputError as error:
        if remote:
            raise
        return error
    if archive is not None:
        archive.stamp = stamps
    return archive
