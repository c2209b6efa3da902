"""The table of keypoints that DeepLabCut and Lightning Pose share: rows are images, columns body parts.

Header rows: ``scorer``, then ``individuals`` in projects with several animals, ``bodyparts`` and ``coords``. The
image is named in one column (``labeled-data/VIDEO/img.png``) or in three. An empty cell means not labelled.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import UNLABELLED, AnnotationSet
from kpplugins.data.parsing.image_folder import ImageFolder
from kpplugins.data.parsing.text import one_line, read_text
from kpplugins.data.parsing.values import parse_cell
from kpplugins.data.record_builder import build_record
from kpplugins.structures import BadInputError

UNIQUE = "single"
"""DeepLabCut's name for the individual of body parts that exist once per image, such as the corners of an arena."""


@dataclass(frozen=True)
class TableRow:
    """One image's row.

    Attributes:
        where: file and row, for messages.
        name: the image, as the table names it.
        points: ``(C, 2)`` x, y in pixels of the C columns; NaN where not labelled.
    """

    where: str
    name: str
    points: np.ndarray


@dataclass(frozen=True)
class PointTable:
    """A table of keypoints.

    Attributes:
        path: its file.
        columns: individual (empty with one animal) and body part of the C columns.
        rows: the readable rows.
        faults: the others.
    """

    path: Path
    columns: tuple[tuple[str, str], ...]
    rows: list[TableRow] = field(default_factory=list)
    faults: list[BadInputError] = field(default_factory=list)

    @property
    def bodyparts(self) -> list[str]:
        """Return the names in order of first appearance; unique ones last."""
        ordered = sorted(self.columns, key=lambda column: column[0] == UNIQUE)
        return list(dict.fromkeys(part for _, part in ordered))


def read_csv_table(path: Path) -> PointTable:
    """Read the table in a CSV file; faulty rows are among its ``faults``.

    Args:
        path: the file.

    Returns:
        The table.

    Raises:
        BadInputError: the file cannot be read or its header is not as the module describes.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    header: dict[str, list[str]] = {}
    table: PointTable | None = None
    try:
        for cells in reader:
            where = f"{path}:{reader.line_num}"
            if table is None:
                table = _header_row(header, cells, path, where)
            elif any(cell.strip() for cell in cells):
                _add_row(table, cells, where)
    except csv.Error as error:
        raise BadInputError(f"not CSV: {one_line(error)}", where=f"{path}:{reader.line_num}") from error
    if table is None:
        raise BadInputError(
            "has no header of a table of points",
            where=str(path),
            expected="rows scorer, bodyparts and coords",
            found=", ".join(header) or "an empty file",
        )
    return table


def check_columns(columns: Sequence[tuple[str, str, str]], path: Path) -> tuple[tuple[str, str], ...]:
    """Check the columns and name the individual and body part of each pair x, y.

    Args:
        columns: individual, body part and coordinate of each.
        path: the file, for messages.

    Returns:
        (individual, body part) of each pair, in order.

    Raises:
        BadInputError: columns other than x and y in turn, or a body part twice.
    """
    expected = "x and y of each body part in turn"
    if not columns or len(columns) % 2:
        raise BadInputError("has a column without its partner", where=str(path), expected=expected)
    pairs = []
    for (who, part, x), (who_y, part_y, y) in zip(columns[::2], columns[1::2], strict=True):
        if (x, y) != ("x", "y") or (who, part) != (who_y, part_y) or not part:
            raise BadInputError(
                "has other columns than points",
                where=str(path),
                expected=expected,
                found=repr(f"{part} {x}, {part_y} {y}")[:80],
                todo="predictions (x, y, likelihood) are no labels; take the file CollectedData_….csv",
            )
        pairs.append((who, part))
    if len(set(pairs)) < len(pairs):
        twice = next(p for p in pairs if pairs.count(p) > 1)
        raise BadInputError("has a body part twice", where=str(path), found=repr(" ".join(twice).strip()))
    return tuple(pairs)


def add_table(
    reading: AnnotationSet,
    table: PointTable,
    folder: ImageFolder,
    margin: float,
    seen: dict[Path, str],
    category: str = "animal",
    negatives: bool = False,
) -> None:
    """Add the records, backgrounds and faults of a table, and count its rows that nobody labelled.

    An image with several rows is left out, for each of them may lack what another has.

    Args:
        reading: what they are added to; its schema names the K keypoints.
        table: the table.
        folder: where the images are.
        margin: see ``record_builder``.
        seen: where each image was found, over all tables.
        category: of the animals.
        negatives: a row without keypoints is a background; otherwise nobody labelled its image.
    """
    twice: set[Path] = set()
    reading.faults.extend(table.faults)
    for row in table.rows:
        try:
            image = folder.find(row.name, row.where)
            key = image.path.resolve()
            if key in seen:
                twice.add(image.path)
                raise BadInputError("image has two rows", where=row.where, found=f"{seen[key]} too")
            seen[key] = row.where
            records = _records(row, table, image, reading.schema.keypoints, margin, category)
        except BadInputError as fault:
            reading.faults.append(fault)
            continue
        reading.records.extend(records)
        if not records and negatives:
            reading.backgrounds.append(image)
        elif not records:
            reading.notes.count(UNLABELLED)
    reading.without(twice)


def _header_row(header: dict[str, list[str]], cells: list[str], path: Path, where: str) -> PointTable | None:
    """Take one row of the header; return the table once it is complete."""
    kind = cells[0].strip() if cells else ""
    if kind not in ("scorer", "individuals", "bodyparts", "coords") or kind in header:
        raise BadInputError(
            "has no header of a table of points",
            where=where,
            expected="rows scorer, bodyparts and coords",
            found=repr(kind[:40]),
        )
    header[kind] = [cell.strip() for cell in cells]
    if kind != "coords":
        return None
    first = next((i for i, cell in enumerate(header["coords"][1:], 1) if cell), 1)
    if first not in (1, 3) or len({len(row) for row in header.values()}) > 1 or "bodyparts" not in header:
        raise BadInputError(
            "has a broken header",
            where=where,
            expected="rows scorer, bodyparts and coords of one length, with one or three columns for the image",
        )
    n = len(header["coords"])
    who, parts = header.get("individuals", [""] * n), header["bodyparts"]
    columns = list(zip(who[first:], parts[first:], header["coords"][first:], strict=True))
    return PointTable(path, check_columns(columns, path))


def _add_row(table: PointTable, cells: list[str], where: str) -> None:
    first = len(cells) - 2 * len(table.columns)
    try:
        if first not in (1, 3):
            raise BadInputError(
                "row has another length than the header",
                where=where,
                expected=f"the image and {2 * len(table.columns)} coordinates",
                found=f"{len(cells)} cells",
            )
        points = np.array([parse_cell(cell, "coordinate", where) for cell in cells[first:]]).reshape(-1, 2)
        half = np.isnan(points).sum(axis=1) == 1
        if half.any():
            raise BadInputError(
                "point has one coordinate only",
                where=where,
                found=repr(" ".join(table.columns[int(half.argmax())]).strip()),
                todo="label it again",
            )
        table.rows.append(TableRow(where, "/".join(cells[:first]), points))
    except BadInputError as fault:
        table.faults.append(fault)


def _records(
    row: TableRow, table: PointTable, image: ImageInfo, names: Sequence[str], margin: float, category: str
) -> list[PoseRecord]:
    """Build one record per individual with a labelled keypoint."""
    labelled = ~np.isnan(row.points).any(axis=1)
    by_individual: dict[str, np.ndarray] = {}
    for (who, part), point, there in zip(table.columns, row.points, labelled, strict=True):
        if there:
            points = by_individual.setdefault(who, np.zeros((len(names), 3)))
            points[names.index(part)] = (*point, 2)
    return [
        build_record(
            image, points, source=table.path, where=row.where, margin=margin,
            category="unique" if who == UNIQUE else category,
        )
        for who, points in by_individual.items()
    ]  # fmt: skip
