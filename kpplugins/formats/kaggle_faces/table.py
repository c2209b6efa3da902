"""The CSV files of Kaggle's facial-keypoints-detection, plain or zipped, row by row."""

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from kpplugins.structures import BadInputError

SIDE = 96
"""Width and height of every image in pixels."""
FIRST_CENTRE = 0.5
"""Kaggle's coordinate of the first pixel's centre, which is 0 everywhere else in kpplugins: its images go from 0 to 96.

A network that was trained as if it were 0, on plain and mirrored faces, found keypoints 0.7 pixels too far left but
not too high: x and its mirror image 95 - x cannot both be right."""
WHERE_TO_GET = "https://www.kaggle.com/c/facial-keypoints-detection/data"


def header_of(path: Path) -> list[str]:
    """Read the column names; never raises.

    Args:
        path: the file, plain or zipped.

    Returns:
        The names; empty where the file is not there or cannot be read.
    """
    try:
        with _text(path) as text:
            return next(csv.reader(text), [])
    except (OSError, BadInputError, UnicodeDecodeError, csv.Error):
        return []


def rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Iterate over the rows of a table.

    Args:
        path: a CSV, or a ZIP with one.
        needed: columns that must be there.

    Returns:
        Number of each row, from 1, and its values by column.

    Raises:
        BadInputError: one of them is missing, or the file is not a complete CSV or ZIP.
    """
    csv.field_size_limit(1 << 24)
    with _text(path) as text:
        reader = csv.reader(text)
        try:
            header = next(reader, [])
            missing = [column for column in needed if column not in header]
            if missing:
                raise BadInputError(
                    "not a file of Kaggle's facial keypoints", where=f"{path}:1", expected=f"column {missing[0]}",
                    found=", ".join(header[:4])[:100] or "nothing", todo=f"get it from {WHERE_TO_GET}",
                )  # fmt: skip
            for number, values in enumerate(reader, 1):
                yield number, dict(zip(header, values, strict=False))
        except (UnicodeDecodeError, csv.Error, zipfile.BadZipFile, EOFError, OSError) as error:
            raise BadInputError(
                f"cannot be read as CSV: {error}", where=str(path), todo="download it again"
            ) from error


def image_of(text: str | None, where: str) -> np.ndarray:
    """Build an image from the 9,216 grey values of the column ``Image``.

    Args:
        text: the values, separated by blanks.
        where: file and row, for messages.

    Returns:
        (96, 96) uint8.

    Raises:
        BadInputError: they are not 9,216 grey values.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # how NumPy reports text that is not a number
            values = np.fromstring(text or "", dtype=np.int64, sep=" ")
    except (ValueError, DeprecationWarning):
        values = np.array([-1])
    if len(values) != SIDE * SIDE or values.min() < 0 or values.max() > 255:
        raise BadInputError(
            "Image is not an image", where=where, expected=f"{SIDE * SIDE} numbers from 0 to 255",
            found=f"{len(values)} values", todo="download the file again",
        )  # fmt: skip
    return values.astype(np.uint8).reshape(SIDE, SIDE)


def _text(path: Path) -> io.TextIOBase:
    if path.suffix.lower() != ".zip":
        return path.open(encoding="utf-8", newline="")
    try:
        archive = zipfile.ZipFile(path)
        inside = [n for n in archive.namelist() if n.endswith(".csv") and "/" not in n]
        if len(inside) != 1:
            raise BadInputError("zip must hold one CSV", where=str(path), found=f"{len(inside)}")
        return io.TextIOWrapper(archive.open(inside[0]), encoding="utf-8", newline="")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BadInputError(
            f"not a complete zip file: {error}", where=str(path), todo="download it again"
        ) from error
