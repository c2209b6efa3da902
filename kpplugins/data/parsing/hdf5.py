"""Keep HDF5 files that others wrote within bounds: a kilobyte may claim arrays of terabytes, or lie in other files."""

from pathlib import Path
from typing import Any

from kpplugins.data.parsing.text import EXPORT_AGAIN
from kpplugins.structures import BadInputError

MOST_BYTES = 256 << 20
"""Most bytes of all values of a file of labels, but for its images."""
_MOST_OBJECTS = 10_000
_OBJECT = 64
"""Bytes that a text or a whole number takes in Python."""


def require_bounded(file: Any, path: Path, images: tuple[str, ...] = ()) -> None:
    """Raise if the values in an HDF5 file are too large, or kept in other files.

    Args:
        file: the open ``h5py.File``.
        path: its path, for messages.
        images: names of data sets that are not counted, as they are read one image at a time.

    Raises:
        BadInputError: its data sets and attributes take more than ``MOST_BYTES`` when they are read, there are too
            many, or one is a link to another file, or stored there.
    """
    import h5py

    size = number = 0
    seen: set[int] = set()
    todo = [file]
    while todo:
        group = todo.pop()
        for name in group:
            number += 1
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise _refused("links to another file", path, f"{name}: {link.filename}")
            if not isinstance(link, h5py.HardLink):
                continue  # what a soft link leads to is counted where it is
            value = group[name]
            place = h5py.h5o.get_info(value.id).addr
            if place in seen:
                continue
            seen.add(place)
            size += _of_attributes(value)
            if isinstance(value, h5py.Group):
                todo.append(value)
            elif isinstance(value, h5py.Dataset) and name not in images:
                each = value.dtype.itemsize if value.dtype.kind == "f" else max(value.dtype.itemsize, _OBJECT)
                size += value.size * each if value.shape is not None else 0
                if value.is_virtual or value.external:
                    raise _refused("values are stored in another file", path, value.name)
            if size > MOST_BYTES or number > _MOST_OBJECTS:
                raise _refused(
                    "takes more memory than labels do", path, f"{value.name}: {size:,} bytes",
                    f"at most {MOST_BYTES:,} bytes in {_MOST_OBJECTS:,} objects",
                )  # fmt: skip


def _of_attributes(value: Any) -> int:
    kinds = [value.attrs.get_id(name) for name in value.attrs]
    return sum(kind.get_storage_size() for kind in kinds)


def _refused(what: str, path: Path, found: str, expected: str = "values in the file itself") -> BadInputError:
    return BadInputError(what, where=str(path), expected=expected, found=found[:120], todo=EXPORT_AGAIN)
