"""The CSV files of Kaggle's facial-keypoints-detection, plain or zipped, row by row."""

import csv
import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from kpplugins.data.parsing.text import one_line
from kpplugins.structures import BadInputError

SIDE = 96
"""Width and height of every image in pixels."""
FIRST_CENTRE = 0.5
"""Kaggle's coordinate of the first pixel's centre, which is 0 everywhere else in kpplugins: its images go from 0 to 96.

Other files of the format may have another one (``first_centre_of``). With a wrong one, a network that learns plain and
mirrored faces finds keypoints too far to one side, but not too high: x and its mirror image 95 - x cannot both be
right."""
WHERE_TO_GET = "https://www.kaggle.com/c/facial-keypoints-detection/data"

_LONGEST_TEXT, _LONGEST_LINE, _MOST_LINES = 600_000_000, 1_000_000, 50_000
"""Most characters of a table and of a line, and most lines; Kaggle's have 240 million, 37 and 27 thousand."""
_BROKEN = (
    OSError, UnicodeDecodeError, csv.Error, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error,
    NotImplementedError, RuntimeError, ValueError, LookupError, struct.error,
)  # fmt: skip
"""What opening and reading a damaged file raises."""


def header_of(path: Path) -> list[str]:
    """Read the column names; never raises.

    Args:
        path: the file, plain or zipped.

    Returns:
        The names; empty where the file is not there or cannot be read.
    """
    try:
        with _lines(path) as lines:
            return next(csv.reader(lines), [])
    except BadInputError:
        return []


def rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Iterate over the rows of a table.

    Args:
        path: a CSV, or a ZIP with one.
        needed: columns that must be there.

    Returns:
        Number of each row, from 1, and its values by column.

    Raises:
        BadInputError: one of them is missing, or the file is not a complete CSV or ZIP, or too long (see
            ``_LONGEST_TEXT``).
    """
    csv.field_size_limit(_LONGEST_LINE)
    with _lines(path) as lines:
        reader = csv.reader(lines)
        header = next(reader, [])
        missing = [column for column in needed if column not in header]
        if missing:
            raise BadInputError(
                "not a file of Kaggle's facial keypoints", where=f"{path}:1", expected=f"column {missing[0]}",
                found=", ".join(header[:4])[:100] or "nothing", todo=f"get it from {WHERE_TO_GET}",
            )  # fmt: skip
        for number, values in enumerate(filter(None, reader), 1):  # an empty line is no row
            yield number, dict(zip(header, values, strict=False))


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


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[str]]:
    """Open the table, plain or zipped, and iterate over its lines; what they hold in all, and each, is limited."""
    with ExitStack() as stack:
        try:
            if path.suffix.lower() == ".zip":
                archive = stack.enter_context(zipfile.ZipFile(path))
                inside = [n for n in archive.namelist() if n.endswith(".csv") and "/" not in n]
                if len(inside) != 1:
                    raise BadInputError("zip must hold one CSV", where=str(path), found=f"{len(inside)}")
                file = stack.enter_context(archive.open(inside[0]))
            else:
                file = stack.enter_context(path.open("rb"))
            yield _limited(io.TextIOWrapper(file, encoding="utf-8", newline=""), path)
        except BadInputError:
            raise
        except _BROKEN as error:
            what = "not a complete zip file" if path.suffix.lower() == ".zip" else "cannot be read as CSV"
            raise BadInputError(
                f"{what} ({one_line(error)})", where=str(path), todo="download it again"
            ) from error


def _limited(text: io.TextIOWrapper, path: Path) -> Iterator[str]:
    read = number = 0
    while line := text.readline(_LONGEST_LINE):
        read, number = read + len(line), number + 1
        if len(line) >= _LONGEST_LINE or read > _LONGEST_TEXT or number > _MOST_LINES:
            raise BadInputError(
                "table is too long", where=str(path), found="more",
                expected=f"at most {_LONGEST_TEXT:,} characters, {_LONGEST_LINE:,} in a line, {_MOST_LINES:,} lines",
                todo=f"get it from {WHERE_TO_GET}",
            )  # fmt: skip
        yield line
