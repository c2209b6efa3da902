"""What Kaggle's facial-keypoints-detection requests, the faces of ``test.csv`` and the rows of ``IdLookupTable.csv``,
and the file to submit."""

import csv
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kpplugins.data.parsing.values import parse_number
from kpplugins.formats.kaggle_faces.reader import NAMES
from kpplugins.formats.kaggle_faces.table import FIRST_CENTRE, SIDE, WHERE_TO_GET, image_of, rows
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replaced_file

COORDINATES = tuple(f"{name}_{axis}" for name in NAMES for axis in "xy")
"""The features that can be requested."""


@dataclass(frozen=True)
class Asked:
    """One row of the submission.

    Attributes:
        row: its ``RowId``.
        image: the ``ImageId`` of the face.
        feature: a coordinate, one of ``COORDINATES``.
    """

    row: int
    image: int
    feature: str


def read_test_faces(source: Path) -> dict[int, np.ndarray]:
    """Read the faces to predict, from ``test.csv`` or ``test.zip`` in a folder.

    Args:
        source: the folder, or the file.

    Returns:
        (96, 96) uint8 by ``ImageId``.

    Raises:
        BadInputError: no such file, an invalid image, or an id twice.
    """
    path = _file(source, "test")
    faces: dict[int, np.ndarray] = {}
    for number, row in rows(path, ("ImageId", "Image")):
        where = f"{path}:{number + 1}"
        image = _id(row, "ImageId", where)
        if image in faces:
            raise BadInputError("ImageId twice", where=where, found=str(image), todo="download it again")
        faces[image] = image_of(row.get("Image"), where)
    return faces


def read_lookup(source: Path) -> list[Asked]:
    """Read the rows that the submission must have, from ``IdLookupTable.csv`` (or ``.zip``) in a folder.

    Args:
        source: the folder, or the file.

    Returns:
        One entry per row, in order.

    Raises:
        BadInputError: no such file, or a row that names no coordinate.
    """
    path = _file(source, "IdLookupTable")
    asked = []
    for number, row in rows(path, ("RowId", "ImageId", "FeatureName")):
        where = f"{path}:{number + 1}"
        feature = row.get("FeatureName", "")
        if feature not in COORDINATES:
            raise BadInputError(
                "unknown feature", where=where, expected=f"{COORDINATES[0]}, …", found=repr(feature)
            )
        asked.append(Asked(_id(row, "RowId", where), _id(row, "ImageId", where), feature))
    return asked


def require_answerable(asked: Sequence[Asked], faces: Container[int], keypoints: Sequence[str]) -> None:
    """Raise BadInputError if a row requests a keypoint that is not among ``keypoints``, or an unknown face.

    Args:
        asked: from ``read_lookup``.
        faces: the known ids of images.
        keypoints: names that the model predicts.
    """
    for row in asked:
        if row.feature[:-2] not in keypoints or row.image not in faces:
            lacking = (
                f"keypoint {row.feature[:-2]!r}" if row.feature[:-2] not in keypoints else f"face {row.image}"
            )
            raise BadInputError(
                f"the submission needs {lacking}", where=f"RowId {row.row}", found=f"keypoints {', '.join(keypoints)}",
                todo="use a model with all requested keypoints",
            )  # fmt: skip


def write_submission(
    asked: Sequence[Asked],
    found: Mapping[int, np.ndarray],
    keypoints: Sequence[str],
    path: Path,
    first: float = FIRST_CENTRE,
) -> int:
    """Write ``RowId,Location``, counted as in the training file and clipped to 0 to 96.

    Args:
        asked: the rows.
        found: (K, 2) keypoints in (x, y) pixels by ``ImageId``, the first pixel's centre at 0.
        keypoints: names of the K keypoints.
        path: the CSV to write; it is written completely or not at all.
        first: the number of the first pixel's centre in the training file.

    Returns:
        How many locations were clipped.

    Raises:
        BadInputError: a row requests an unknown keypoint or face.
    """
    require_answerable(asked, found, keypoints)
    column = {f"{name}_{axis}": (k, a) for k, name in enumerate(keypoints) for a, axis in enumerate("xy")}
    lines, clipped = [], 0
    for row in asked:
        value = float(found[row.image][column[row.feature]]) + first
        location = min(max(value, 0.0), float(SIDE))
        clipped += location != value
        lines.append((row.row, f"{location:.5f}"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_file(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("RowId", "Location"), *lines])
    return clipped


def _file(source: Path, stem: str) -> Path:
    for path in (source / f"{stem}.csv", source / f"{stem}.zip"):
        if path.is_file():
            return path
    raise BadInputError(f"no {stem}.csv or {stem}.zip", where=str(source), todo=f"get it from {WHERE_TO_GET}")


def _id(row: Mapping[str, str], column: str, where: str) -> int:
    value = parse_number(row.get(column), column, where)
    if value != int(value):
        raise BadInputError(f"{column} is not a whole number", where=where, found=repr(row.get(column)))
    return int(value)
