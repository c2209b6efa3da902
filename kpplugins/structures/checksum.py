"""Check sums of files."""

import hashlib
from pathlib import Path


def sha256_of(path: Path) -> str:
    """Read a file in pieces, so that it may be larger than the memory.

    Args:
        path: the file.

    Returns:
        Its SHA-256 in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
