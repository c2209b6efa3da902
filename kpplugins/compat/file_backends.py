"""MMEngine's file backends, through which MMPose, mmcv and MMDetection read images.

Gap: MMEngine reads from the disk, LMDB, and a few addresses (``s3://`` only with a client that is not published); it
knows neither zip nor tar files.

- What is not on the disk is looked for in archives: ``LoadImage`` reads ``cats.zip/images/a.jpg`` with no further word.
- Every protocol of fsspec is read that MMEngine has no backend for, and those whose package is missing.
- ``backend_args=dict(backend="zip")`` names it, as do ``tar``, ``shards`` and ``fsspec``; with ``root="cats.zip"``
  names are relative to that, as those of MMEngine's ``lmdb`` are to its ``db_path``.

Remove when MMEngine reads them.
"""

import importlib.util
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.fileio import BaseStorageBackend, LocalBackend, register_backend
from mmengine.fileio.backends import prefix_to_backends
from mmengine.fileio.io import backend_instances

from kpplugins.storage.files import exists, is_file, is_folder, read_bytes
from kpplugins.structures.addresses import as_path, is_address, spelled

NAMES = ("zip", "tar", "shards", "fsspec")
"""What ``backend_args`` may name."""
_CLIENTS = {"s3": "petrel_client", "petrel": "petrel_client"}
"""Packages without which a backend of MMEngine's does not work."""
_WEB = {"http": "aiohttp", "https": "aiohttp"}
"""Packages with which a protocol is read by fsspec; MMEngine reads whole files without them."""


class StoredFileBackend(BaseStorageBackend):
    """Files anywhere, to be read; see ``kpplugins.storage``.

    Args:
        root: a folder or archive that names are relative to; empty for none.
    """

    def __init__(self, root: str = "") -> None:
        self.root = root

    def get(self, filepath: str | Path) -> bytes:
        """Return the content of a file.

        Raises:
            OSError: there is none, or it cannot be read.
            BadInputError: see ``kpplugins.storage.files.read_bytes``.
        """
        return read_bytes(self._path(filepath))

    def get_text(self, filepath: str | Path, encoding: str = "utf-8") -> str:
        """Return the content of a text file; see ``get``."""
        return io.TextIOWrapper(io.BytesIO(self.get(filepath)), encoding).read()

    def exists(self, filepath: str | Path) -> bool:
        """Tell whether a file or folder is there."""
        return exists(self._path(filepath))

    def isfile(self, filepath: str | Path) -> bool:
        """Tell whether a file is there."""
        return is_file(self._path(filepath))

    def isdir(self, filepath: str | Path) -> bool:
        """Tell whether a folder is there; an archive is a file here, as a checkpoint of PyTorch is a zip, too."""
        path = self._path(filepath)
        return is_folder(path) and not is_file(path)

    @contextmanager
    def get_local_path(self, filepath: str | Path) -> Iterator[str | Path]:
        """Yield the path of a file on the disk with the content of another; see ``get``."""
        path = self._path(filepath)
        if not is_address(path) and (path.exists() or not is_file(path)):
            yield filepath if not self.root else path
            return
        with tempfile.TemporaryDirectory(prefix="kpplugins-") as folder:
            copy = Path(folder) / path.name
            copy.write_bytes(read_bytes(path))
            yield str(copy)

    def join_path(self, filepath: str | Path, *filepaths: str | Path) -> str:
        """Return an address with further parts."""
        return spelled(as_path(filepath).joinpath(*filepaths))

    def _path(self, filepath: str | Path) -> Path:
        return as_path(self.root) / filepath if self.root else as_path(filepath)


class DiskBackend(StoredFileBackend, LocalBackend):
    """The same for paths without a protocol, where MMEngine also writes."""

    join_path = LocalBackend.join_path


def install() -> None:
    """Register them by name, for the disk, and for the addresses that MMEngine cannot read. Idempotent."""
    from fsspec.registry import known_implementations

    for name in NAMES:
        register_backend(name, StoredFileBackend, force=True)
    register_backend("kpplugins disk", DiskBackend, force=True, prefixes="")
    for prefix in known_implementations:
        lacking = prefix in _CLIENTS and importlib.util.find_spec(_CLIENTS[prefix]) is None
        better = prefix in _WEB and importlib.util.find_spec(_WEB[prefix]) is not None
        if prefix not in prefix_to_backends or lacking or better:
            register_backend(f"kpplugins {prefix}", StoredFileBackend, force=True, prefixes=prefix)
    backend_instances.clear()
