"""The files of an archive: a zip, a tar, a folder of tar files, or an LMDB."""

import hashlib
import io
import json
import logging
import os
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from kpplugins.storage.array_file import ArrayFile, mapped, write_arrays
from kpplugins.storage.byte_source import ByteSource
from kpplugins.storage.disk import FILE, FOLDER, Disk
from kpplugins.storage.lmdb_files import DATA_FILE, lmdb_members, lmdb_meta
from kpplugins.storage.member import NO_SUM, NOT_READ, PLAIN, Member
from kpplugins.storage.members import Members
from kpplugins.storage.remote import Remote
from kpplugins.storage.tar_files import is_tar, shards_in, tar_members
from kpplugins.storage.zip_files import HEADER, SIGNATURES, zip_members
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replaced_file

logger = logging.getLogger(__name__)
INDEX_FILE = "members.index"
"""Index of the tar files or the LMDB of a folder, beside them."""
ANNOTATIONS = "annotations"
"""The only folder beside tar files that are those of a data set, where there is no index; not a copy beside images."""
_COPY_AGAIN = "copy it again, or make it anew"
_BEGINNING, _EXTRA = 512, 512
"""Bytes that tell what a file is; bytes that are read with a zip's member for its header."""
_SMALL, _FACTOR = 64 << 20, 100
"""A member of more bytes than the first must not have more than the second times those that it is packed in."""
_SUFFIX = ".arrays"
"""As those of ``datasets.kept_arrays``, which deletes what nobody has used for long."""


System = Disk | Remote


class Archive:
    """An archive, open for reading: in threads, in forked processes, and at addresses.

    Args:
        where: the archive, for messages.
        sources: its files.
        members: what is in them.
        headed: each member has a zip's header in front of it.

    Attributes:
        stamp: numbers that tell whether it is still the same, set by those who open it.
    """

    stamp: tuple[int, ...] = ()

    def __init__(
        self, where: str, sources: Sequence[ByteSource], members: Members, headed: bool = False
    ) -> None:
        self.where, self.sources, self.members, self.headed = where, sources, members, headed
        if len(members) and int(members.arrays["part"].max()) >= len(sources):
            raise BadInputError("index of an archive with fewer files", where=where, todo=_COPY_AGAIN)

    def read(self, name: str) -> bytes:
        """Read all of a member.

        Args:
            name: with / between folders.

        Raises:
            FileNotFoundError: there is none of that name.
            BadInputError: it is damaged, a link, encrypted, or much larger than it is packed.
            OSError: it cannot be read.
        """
        member = self._member(name)
        if self.headed:
            content = self.sources[member.part].read(member.start, HEADER.size + _EXTRA + member.packed)
            start = self._behind_header(member, content)
            packed = content[start : start + member.packed]
            if start + member.packed > len(content):
                packed = self.sources[member.part].read(member.start + start, member.packed)
        else:
            packed = self.sources[member.part].read(member.start, member.packed)
        if len(packed) < member.packed:
            raise self._damaged(member, "it is cut off")
        content = packed if member.method == PLAIN else self._unpacked(member, packed)
        if len(content) != member.size or member.crc not in (NO_SUM, zlib.crc32(content)):
            raise self._damaged(member, "another check sum")
        return content

    def opened(self, name: str) -> BinaryIO:
        """Open a member, of which only a part may be wanted; its check sum is not looked at where that is possible.

        Args:
            name: with / between folders.

        Raises:
            FileNotFoundError: see ``read``.
            BadInputError: see ``read``.
            OSError: see ``read``.
        """
        member = self._member(name)
        if member.method != PLAIN:
            return io.BytesIO(self.read(name))
        source, start = self.sources[member.part], member.start
        if self.headed:
            start += self._behind_header(member, source.read(start, HEADER.size))
        if start + member.size > source.size:
            raise self._damaged(member, "it is cut off")
        return source.opened(start, member.size)

    def size(self, name: str) -> int:
        """Return how many bytes a member has.

        Args:
            name: with / between folders.

        Raises:
            FileNotFoundError: see ``read``.
        """
        return self._member(name).size

    def _member(self, name: str) -> Member:
        member = self.members.find(name)
        if member is None:
            raise FileNotFoundError(2, "No such file", f"{self.where}/{name}")
        if member.method in NOT_READ:
            what, todo = NOT_READ[member.method]
            raise BadInputError(f"in its archive {what}", where=f"{self.where}/{name}", todo=todo)
        if member.size > max(_SMALL, _FACTOR * member.packed):
            raise BadInputError(
                "in its archive is much larger than it is packed", where=f"{self.where}/{name}",
                expected=f"at most {_FACTOR} times its {member.packed:,} bytes", found=f"{member.size:,}",
                todo="unpack the archive, if you trust it",
            )  # fmt: skip
        return member

    def _behind_header(self, member: Member, content: bytes) -> int:
        """Return how long a zip's header of a member is."""
        if len(content) < HEADER.size:
            raise self._damaged(member, "it is cut off")
        signature, name, extra = HEADER.unpack_from(content)
        if signature != SIGNATURES[0]:
            raise self._damaged(member, "it is not where the archive says")
        return HEADER.size + name + extra

    def _unpacked(self, member: Member, packed: bytes) -> bytes:
        try:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, member.size + 1)
        except zlib.error as error:
            raise self._damaged(member, str(error)) from error

    def _damaged(self, member: Member, reason: str) -> BadInputError:
        return BadInputError(
            f"in its archive is damaged ({reason})", where=f"{self.where}/{member.name}", todo=_COPY_AGAIN
        )


def archive_at(system: System, path: Path, kind: str) -> Archive | None:
    """Open what may be an archive.

    Args:
        system: what it lies on.
        path: a file or folder.
        kind: which of them.

    Returns:
        The archive; ``None`` if it is an ordinary file or folder.

    Raises:
        BadInputError: it is a damaged archive, or one that cannot be read in parts.
        OSError: it cannot be opened.
    """
    if kind == FILE:
        return _file_archive(system.source(path), str(path))
    kinds = system.names(path)
    names = [name for name, of in kinds.items() if of == FILE]
    if DATA_FILE in names:
        return _lmdb_archive(system, path, INDEX_FILE in names)
    shards, indexed = shards_in(names), INDEX_FILE in names
    folders = {name for name, of in kinds.items() if of == FOLDER and not name.startswith(".")}
    if shards and (indexed or folders == {ANNOTATIONS}):
        return _shards_archive(system, path, shards, indexed)
    return None


def _file_archive(source: ByteSource, where: str) -> Archive | None:
    head = source.read(0, _BEGINNING)
    if head.startswith(SIGNATURES):
        return Archive(where, [source], Members.of(zip_members(source), where), headed=True)
    if is_tar(head):
        return Archive(where, [source], _kept(where, [source], lambda: tar_members(source, 0)))
    if head[:2] == b"\x1f\x8b" and where.lower().endswith((".tgz", ".tar.gz")):
        raise BadInputError(
            "a compressed tar file cannot be read in parts",
            where=where,
            todo="gunzip it: images are compressed already",
        )
    return None


def _lmdb_archive(system: System, folder: Path, indexed: bool) -> Archive:
    source, where = system.source(folder / DATA_FILE), str(folder)
    meta = lmdb_meta(source)
    if indexed:
        index = _index(system, folder)
        if index is not None and index.about.get("transaction") == meta.transaction:
            return Archive(where, [source], _members(index, where))
        logger.warning("%s is of an earlier state of the database, and not used", folder / INDEX_FILE)
    return Archive(where, [source], Members.of(lmdb_members(source), where))


def _shards_archive(system: System, folder: Path, names: Sequence[str], indexed: bool) -> Archive:
    sources, where = [system.source(folder / name) for name in names], str(folder)
    if not indexed:

        def listed() -> list[Member]:
            return [member for part, source in enumerate(sources) for member in tar_members(source, part)]

        return Archive(where, sources, _kept(where, sources, listed))
    index = _index(system, folder)
    if index is None:
        raise BadInputError(
            "index is damaged", where=str(folder / INDEX_FILE), todo="copy it again, or delete it"
        )
    sizes = {name: source.size for name, source in zip(names, sources, strict=True)}
    stated = index.about.get("shards")
    if stated != sizes:
        both = {**sizes, **stated} if isinstance(stated, dict) else sizes
        other = min(
            name for name in both if not isinstance(stated, dict) or stated.get(name) != sizes.get(name)
        )
        raise BadInputError(
            "tar files are not those that their index says", where=str(folder / INDEX_FILE),
            found=f"{other} has {sizes.get(other, 'no')} bytes",
            todo="copy the folder again, or delete the index if you have changed them",
        )  # fmt: skip
    return Archive(where, sources, _members(index, where))


def write_index(path: Path, members: Members, about: dict[str, Any]) -> None:
    """Write what ``archive_at`` needs to open an archive without reading all of it.

    Args:
        path: the file.
        members: of the archive.
        about: ``transaction`` of an LMDB, or ``shards`` (the size of each by name).

    Raises:
        BadInputError: it cannot be written.
    """
    with replaced_file(path) as aside, aside.open("wb") as file:
        write_arrays(file, members.arrays, about)


def _index(system: System, folder: Path) -> ArrayFile | None:
    """Read the index of a folder; ``None`` if it is damaged."""
    try:
        return ArrayFile(system.content(folder / INDEX_FILE))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _members(index: ArrayFile, where: str) -> Members:
    try:
        return Members(index)
    except (ValueError, KeyError) as error:
        raise BadInputError(f"index that cannot be ({error})", where=where, todo=_COPY_AGAIN) from error


def _kept(where: str, sources: Sequence[ByteSource], listed: Callable[[], list[Member]]) -> Members:
    """List the members of tar files, once as long as they are the same: their headers are all over them."""
    states = [[source.where, source.size, *_time_of(source.where)] for source in sources]
    name = hashlib.sha256(json.dumps(states).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  # never raises
    path = Path(home) / "kpplugins" / f"{name}{_SUFFIX}"
    if all(len(state) > 2 for state in states):
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            members = Members(ArrayFile(mapped(path)))
            os.utime(path)
            return members
    if len(states[0]) == 2:
        logger.warning("%s: listing a tar file elsewhere takes a request for each of its files", where)
    members = Members.of(listed(), where)
    if all(len(state) > 2 for state in states):
        with suppress(OSError, BadInputError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_index(path, members, {"archive": where})
    return members


def _time_of(where: str) -> list[int]:
    """Return the time of a file on the disk; nothing for one elsewhere, which may change unnoticed."""
    try:
        return [os.stat(where).st_mtime_ns]  # noqa: PTH116
    except (OSError, ValueError):
        return []
