"""LMDB databases: listing and writing members.

Listing is done here, not by the package ``lmdb``: that trusts its file, and the process ends with a bus error where the
file was cut off. It also lets forked processes share what is open, and reads from addresses. The format is that of LMDB
0.9 (``mdb.c``: ``MDB_page``, ``MDB_node``, ``MDB_meta``) on a machine of 64 bits.
"""

import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from kpplugins.extras import cure
from kpplugins.storage.byte_source import ByteSource
from kpplugins.storage.member import Member
from kpplugins.storage.members import decoded, encoded
from kpplugins.structures import BadInputError, MachineError

DATA_FILE, LOCK_FILE = "data.mdb", "lock.mdb"
LONGEST_KEY = 511
"""Bytes of a name that LMDB takes."""
_MAGIC, _VERSION = 0xBEEFC0DE, 1
_BRANCH, _LEAF = 0x01, 0x02
_ELSEWHERE, _SUBTREE, _REPEATED = 0x01, 0x02, 0x04
_PAGE = struct.Struct("<QHHHH")
"""The header of a page: number, padding, flags, and the ends of its list of nodes and of its free room."""
_META = struct.Struct("<IIQQ 48s IHHQQQQQ QQ")
"""A meta page behind its header: magic, version, address, size of the map; the tree of free pages; the tree of all
names (padding, flags, depth, numbers of pages, entries, root); last page, and number of the transaction."""
_NODE = struct.Struct("<HHHH")
"""The header of a node: size or page (three parts), flags or the third part, and length of the key."""
_LEAST_PAGE, _MOST_PAGE, _DEEPEST = 512, 65536, 32
_NONE = 2**64 - 1
_AT_ONCE = 1000
"""Files that are written in one transaction."""


class Meta(NamedTuple):
    """What a database says of itself.

    Attributes:
        page: bytes of a page.
        root: number of the first page of the tree of names.
        last: number of the last page in use.
        transaction: number of the last transaction.
    """

    page: int
    root: int
    last: int
    transaction: int


def lmdb_meta(source: ByteSource) -> Meta:
    """Read what a database says of itself.

    Args:
        source: its ``data.mdb``.

    Returns:
        The newer one of its two statements.

    Raises:
        BadInputError: it is not an LMDB of this kind, or cut off.
    """
    head = source.read(0, _MOST_PAGE + _PAGE.size + _META.size)
    first = _meta(head, 0)
    both = [meta for meta in (first, _meta(head, first.page) if first else None) if meta]
    if not both:
        raise _damaged(source, "no LMDB of version 0.9 and 64 bits")
    meta = max(both, key=lambda one: one.transaction)
    if (meta.last + 1) * meta.page > source.size:
        raise _damaged(source, f"cut off: {(meta.last + 1) * meta.page} bytes stated, {source.size} there")
    return meta


def _meta(head: bytes, start: int) -> Meta | None:
    if len(head) < start + _PAGE.size + _META.size:
        return None
    magic, version, _, _, free, _, flags, *_, root, last, transaction = _META.unpack_from(
        head, start + _PAGE.size
    )
    (page,) = struct.unpack_from("<I", free)
    fits = (
        magic == _MAGIC
        and version == _VERSION
        and _LEAST_PAGE <= page <= _MOST_PAGE
        and not flags & _REPEATED
    )
    return Meta(page, root, last, transaction) if fits else None


def lmdb_members(source: ByteSource) -> list[Member]:
    """List the values of a database.

    Args:
        source: its ``data.mdb``.

    Returns:
        A member for each key.

    Raises:
        BadInputError: it is damaged.
    """
    meta = lmdb_meta(source)
    try:
        return [] if meta.root == _NONE else list(_walk(source, meta))
    except (struct.error, ValueError, OSError) as error:
        raise _damaged(source, str(error)) from error


def _walk(source: ByteSource, meta: Meta) -> Iterator[Member]:
    waiting, seen = [meta.root], 0
    while waiting:
        number, seen = waiting.pop(), seen + 1
        content = source.read(number * meta.page, meta.page)
        own, _, flags, lower, _ = _PAGE.unpack_from(content)
        if (
            number > meta.last
            or own != number
            or seen > meta.last + 1
            or not _PAGE.size <= lower <= meta.page
        ):
            raise ValueError(f"page {number} is another one")
        places = struct.unpack_from(f"<{(lower - _PAGE.size) // 2}H", content, _PAGE.size)
        if flags & _BRANCH:
            nodes = (_NODE.unpack_from(content, place) for place in places)
            waiting += [low | middle << 16 | high << 32 for low, middle, high, _ in reversed(list(nodes))]
        elif flags & _LEAF:
            yield from (_member(content, place, number, meta) for place in places)
        else:
            raise ValueError(f"page {number} is of another kind")


def _member(content: bytes, place: int, number: int, meta: Meta) -> Member:
    """Read a node of a leaf: a value that is too large for it lies on pages of its own."""
    low, high, flags, length = _NODE.unpack_from(content, place)
    key, size, start = content[place + _NODE.size :][:length], low | high << 16, place + _NODE.size + length
    if flags & (_SUBTREE | _REPEATED):
        raise ValueError("databases in the database, which are not read")
    if flags & _ELSEWHERE:
        (page,) = struct.unpack_from("<Q", content, start)
        begin = page * meta.page + _PAGE.size
    else:
        begin = number * meta.page + start
    if len(key) != length or begin + size > (meta.last + 1) * meta.page or not key:
        raise ValueError(f"a value of page {number} lies outside")
    return Member(decoded(key), 0, begin, size, size)


def _damaged(source: ByteSource, reason: str) -> BadInputError:
    return BadInputError(
        f"not a complete LMDB ({reason})", where=source.where, todo="copy it again, or make it anew"
    )


def write_lmdb(folder: Path, files: Iterable[tuple[str, Path]], total: int, number: int) -> None:
    """Write files into a database, as they are: the key is the name. The same files give the same bytes.

    Args:
        folder: gets ``data.mdb``.
        files: name and file of each, in the order of the names' bytes.
        total: bytes of all files.
        number: how many they are.

    Raises:
        MachineError: the package ``lmdb`` is missing, or the disk does not take it.
        BadInputError: a name is too long.
        OSError: a file cannot be read.
    """
    lmdb = require_lmdb()
    room = 2 * total + 16384 * number + (64 << 20)  # a value takes whole pages; only what is used is written
    try:
        with lmdb.open(str(folder), map_size=room, lock=False, writemap=False) as database:
            entries = iter(files)
            while part := list(islice(entries, _AT_ONCE)):
                with database.begin(write=True) as transaction:
                    for name, file in part:
                        _require_key(name)
                        transaction.put(encoded(name), file.read_bytes(), append=True)
            database.sync(True)
    except lmdb.Error as error:
        raise MachineError(
            f"LMDB cannot be written ({error})", where=str(folder), todo="make room"
        ) from error


def _require_key(name: str) -> None:
    if len(encoded(name)) > LONGEST_KEY:
        raise BadInputError(
            "a name is too long for LMDB", where=name[:120], expected=f"at most {LONGEST_KEY} bytes",
            found=str(len(encoded(name))), todo="--to zip or --to tar",
        )  # fmt: skip


def require_lmdb() -> Any:
    """Return the package ``lmdb``, which writes databases.

    Returns:
        The module.

    Raises:
        MachineError: it is not installed.
    """
    try:
        import lmdb
    except ImportError as error:
        raise MachineError(
            "writing LMDB needs the package lmdb", where="--to lmdb", todo=cure("lmdb")
        ) from error
    return lmdb
