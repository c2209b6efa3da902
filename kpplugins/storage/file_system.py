"""The file system of fsspec's that an address is in."""

from typing import Any

from kpplugins.extras import cure
from kpplugins.structures import BadInputError, MachineError


def file_system_of(address: str) -> tuple[Any, str]:
    """Find the file system of an address.

    Args:
        address: with its protocol.

    Returns:
        fsspec's file system, made in this process, and the path in it.

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
        raise _without_package(address, error) from error
    except ValueError as error:
        raise BadInputError("not an address that fsspec knows", where=address, found=str(error)) from error


def _without_package(address: str, error: ImportError) -> MachineError:
    from fsspec.registry import known_implementations

    protocol = address.partition("://")[0]
    module = known_implementations.get(protocol, {}).get("class", "").partition(".")[0]
    package = error.name if module in ("", "fsspec") else module
    return MachineError(
        f"fsspec needs another package for {protocol}://", where=address, found=str(error),
        todo=cure(package) if package else "install the package that it names with pip",
    )  # fmt: skip
