"""Files on a disk of this machine."""

import os
import stat
from pathlib import Path

import numpy as np

from kpplugins.storage.array_file import mapped
from kpplugins.storage.disk_file import DiskFile

FILE, FOLDER, NOTHING = "file", "folder", ""
"""What may be at a path."""


class Disk:
    """What is on the disk at a path."""

    def kind(self, path: Path) -> str:
        """Return ``FILE``, ``FOLDER``, or ``NOTHING`` where there is neither."""
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError):
            return NOTHING
        return FOLDER if stat.S_ISDIR(mode) else FILE if stat.S_ISREG(mode) else NOTHING

    def names(self, folder: Path) -> dict[str, str]:
        """Return what a folder has: the kind by name, sorted."""
        with os.scandir(folder) as found:
            kinds = {entry.name: _kind_of(entry) for entry in found}
        return {name: kinds[name] for name in sorted(kinds) if kinds[name]}

    def stamp(self, path: Path) -> tuple[int, int]:
        """Return time and size of a file or folder, which tell whether it is still the same."""
        state = path.stat()
        return state.st_mtime_ns, state.st_size

    def source(self, file: Path) -> DiskFile:
        """Open a file."""
        return DiskFile(file)

    def content(self, file: Path) -> np.ndarray:
        """Map all of a file."""
        return mapped(file)


def _kind_of(entry: os.DirEntry) -> str:
    try:
        return FOLDER if entry.is_dir() else FILE if entry.is_file() else NOTHING
    except OSError:  # a link to itself
        return NOTHING
