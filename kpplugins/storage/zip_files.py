"""Zip files: listing and writing members."""

import shutil
import stat
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path

from kpplugins.storage.byte_source import ByteSource
from kpplugins.storage.member import DEFLATED, ENCRYPTED, LINK, PACKED_OTHERWISE, PLAIN, Member
from kpplugins.structures import BadInputError

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
"""How a zip file begins."""
HEADER = struct.Struct("<4s22xHH")
"""The header in front of a member: signature, and the lengths of the name and of what else follows it."""
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_IN_UTF8, _ENCRYPTED = 0x800, 0x1
_UNIX = 3
_BROKEN = (
    zipfile.BadZipFile, zipfile.LargeZipFile, struct.error, OSError, EOFError, NotImplementedError, RuntimeError,
    ValueError, LookupError, OverflowError, MemoryError,
)  # fmt: skip


def zip_members(source: ByteSource) -> list[Member]:
    """List the files of a zip.

    Args:
        source: the zip.

    Returns:
        Its files, without folders.

    Raises:
        BadInputError: it is damaged.
    """
    try:
        with zipfile.ZipFile(source.opened()) as archive:  # type: ignore[arg-type]
            return [_member(info) for info in archive.infolist() if not info.is_dir()]
    except BadInputError:
        raise
    except _BROKEN as error:
        raise BadInputError(
            f"not a complete zip file ({' '.join(str(error).split())[:100]})", where=source.where,
            todo="copy it again, or make it anew",
        ) from error  # fmt: skip


def _member(info: zipfile.ZipInfo) -> Member:
    method = info.compress_type if info.compress_type in (PLAIN, DEFLATED) else PACKED_OTHERWISE
    if info.flag_bits & _ENCRYPTED:
        method = ENCRYPTED
    if info.create_system == _UNIX and stat.S_ISLNK(info.external_attr >> 16):
        method = LINK
    return Member(_name(info), 0, info.header_offset, info.compress_size, info.file_size, info.CRC, method)


def _name(info: zipfile.ZipInfo) -> str:
    """Return a name in UTF-8 also where the zip does not say that it is: macOS's does not."""
    if info.flag_bits & _IN_UTF8 or info.orig_filename.isascii():
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.orig_filename


def write_zip(path: Path, files: Iterable[tuple[str, Path]]) -> None:
    """Write files into a zip, as they are: images are compressed already. The same files give the same bytes.

    Args:
        path: the zip to be made.
        files: the name in the zip and the file of each.

    Raises:
        OSError: a file cannot be read, or the zip not be written.
    """
    with zipfile.ZipFile(path, "x", zipfile.ZIP_STORED) as archive:
        for name, file in files:
            info = zipfile.ZipInfo(name, _FIRST_DAY)
            info.create_system, info.external_attr = _UNIX, (stat.S_IFREG | 0o644) << 16
            info.file_size = file.stat().st_size  # tells whether it needs zip64
            with file.open("rb") as content, archive.open(info, "w") as member:
                shutil.copyfileobj(content, member, 1 << 20)
