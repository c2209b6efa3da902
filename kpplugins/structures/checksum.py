"""Check sums of files."""

import hashlib
from pathlib import Path
from typing import BinaryIO


def sha256_of(path: Path) -> str:
    """Read a file in pieces, so that it may be larger than the memory.

    Args:
        path: the file.

    Returns:
        Its SHA-256 in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return sha256_in(file)


def sha256_in(file: BinaryIO) -> str:
    """Read an open file to its end, in pieces.

    Args:
        file: open for reading.

    Returns:
        The SHA-256 of what was read, in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
