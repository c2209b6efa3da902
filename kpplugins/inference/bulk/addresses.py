"""Images that are not files: fsspec's addresses, such as ``s3://bucket/a.jpg``."""

import re
from pathlib import Path
from typing import Any

from kpplugins.extras import cure
from kpplugins.structures import BadInputError, MachineError

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*(::|://)")


def is_address(name: str) -> bool:
    """Tell an address from a file's name.

    Args:
        name: what was given.

    Returns:
        Whether it begins with a protocol, as ``s3://`` or ``memory://``.
    """
    return _ADDRESS.match(name) is not None


def file_system_of(address: str) -> tuple[Any, str]:
    """Find the file system of an address.

    Args:
        address: with its protocol.

    Returns:
        fsspec's file system, and the path in it.

    Raises:
        MachineError: fsspec, or what it needs for this protocol, is not installed.
        BadInputError: there is no such protocol.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MachineError(
            "the package fsspec, which reads addresses, is not installed", where=address,
            todo=cure("fsspec"),
        ) from error  # fmt: skip
    try:
        return url_to_fs(address, use_listings_cache=False)
    except ImportError as error:
        protocol = address.partition("://")[0]
        raise MachineError(
            f"fsspec needs another package for {protocol}://", where=address, found=str(error),
            todo="install the package that it names with pip",
        ) from error  # fmt: skip
    except ValueError as error:
        raise BadInputError("not an address that fsspec knows", where=address, found=str(error)) from error


def fetch_address(address: str, target: Path) -> None:
    """Copy what stands at an address into a file.

    Args:
        address: with its protocol.
        target: the file to write.

    Raises:
        BadInputError: it cannot be fetched. A ``MachineError`` if a package is missing.
    """
    files, path = file_system_of(address)
    try:
        files.get_file(path, str(target))
    except Exception as error:  # each file system raises errors of its own
        words = " ".join(str(error).split())[:200]
        raise BadInputError(
            f"cannot be fetched ({type(error).__name__}: {words})", where=address,
            todo="run it again: what failed is tried again",
        ) from error  # fmt: skip
