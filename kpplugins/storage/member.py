"""A file in an archive."""

from typing import NamedTuple

PLAIN, DEFLATED = 0, 8
"""How the bytes of a member are stored, as zip numbers it; others are not read."""
LINK, ENCRYPTED, PACKED_OTHERWISE, SPARSE = 200, 201, 202, 203
NOT_READ = {
    LINK: (
        "is a link",
        "make the archive of the files themselves: tar --dereference, zip without --symlinks",
    ),
    ENCRYPTED: ("is encrypted", "decrypt it"),
    PACKED_OTHERWISE: (
        "is packed in a way that is not read",
        "make it anew with zip's usual method, or without any",
    ),
    SPARSE: ("is a sparse file", "make the archive without tar's --sparse"),
}
"""What is wrong with a member that is not read, and what to do."""
NO_SUM = -1


class Member(NamedTuple):
    """A file in an archive.

    Attributes:
        name: with / between folders.
        part: number of the archive's file that it is in.
        start: place of its first byte there; of its own header in a zip.
        packed: number of bytes there.
        size: number of bytes that it has.
        crc: CRC-32 of these; ``NO_SUM`` if it is not known.
        method: ``PLAIN``, ``DEFLATED``, or one of ``NOT_READ``.
    """

    name: str
    part: int
    start: int
    packed: int
    size: int
    crc: int = NO_SUM
    method: int = PLAIN
