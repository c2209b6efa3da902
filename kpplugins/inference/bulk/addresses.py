"""Images that are not files: fsspec's addresses, such as ``s3://bucket/a.jpg``."""

from pathlib import Path

from kpplugins.storage.file_system import file_system_of
from kpplugins.structures import BadInputError


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
