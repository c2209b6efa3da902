"""Lightning Pose data folders: ``CollectedData*.csv`` at the root, images named from there.

The table is DeepLabCut's with one animal; several tables (one per camera, or ``CollectedData_new.csv`` with frames of
other sessions) are read together.
"""

from pathlib import Path

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.parsing.text import first_text
from kpplugins.data.record_builder import MARGIN
from kpplugins.formats.deeplabcut.reader import is_deeplabcut
from kpplugins.formats.deeplabcut.table import PointTable, add_table, read_csv_table
from kpplugins.schema.from_names import infer_schema
from kpplugins.structures import BadInputError

PATTERN = "CollectedData*.csv"


def is_lightning_pose(source: Path) -> bool:
    """Tell whether a source looks like a Lightning Pose data folder; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    try:
        return not is_deeplabcut(source) and any(first_text(p).startswith("scorer,") for p in _files(source))
    except OSError:
        return False


def read_lightning_pose(source: Path, *, margin: float = MARGIN, skip_bad: bool = False) -> AnnotationSet:
    """Read every row of every table, by name of table and row.

    An empty cell is an absent keypoint, every other one is visible. A row without keypoints is a background.

    Args:
        source: the data folder, or one table in it.
        margin: of the box around the keypoints, see ``record_builder``.
        skip_bad: skip bad rows and files.

    Returns:
        The records, with every fault and every rule that was applied.

    Raises:
        BadInputError: no table here, or a bad file and ``skip_bad`` is false.
    """
    root = source.parent if source.is_file() else source
    tables: list[PointTable] = []
    faults: list[BadInputError] = []
    for path in _files(source):
        try:
            tables.append(_same_parts(read_csv_table(path), tables))
        except BadInputError as fault:
            faults.append(fault)
    if not tables:
        if faults:
            raise faults[0]
        raise BadInputError(
            "no Lightning Pose labels here", where=str(source), expected=PATTERN, todo="give the data folder"
        )
    reading = AnnotationSet(infer_schema("lightning_pose", tables[0].bodyparts), faults=faults)
    seen: dict[Path, str] = {}
    for table in tables:
        add_table(reading, table, root, margin, seen)
    if not (reading.records or reading.faults or reading.backgrounds):
        raise BadInputError("holds no labelled image", where=str(tables[0].path))
    return reading.settle(skip_bad)


def _files(source: Path) -> list[Path]:
    return sorted(source.glob(PATTERN)) if source.is_dir() else [p for p in [source] if p.suffix == ".csv"]


def _same_parts(table: PointTable, others: list[PointTable]) -> PointTable:
    if any(who for who, _ in table.columns):
        raise BadInputError(
            "has several individuals, which Lightning Pose does not support",
            where=f"{table.path}:2",
            todo="read the DeepLabCut project that it comes from",
        )
    if others and set(table.columns) != set(others[0].columns):
        raise BadInputError(
            "has other body parts than the first table",
            where=f"{table.path}:2",
            expected=", ".join(others[0].bodyparts),
            found=", ".join(table.bodyparts)[:200],
        )
    return table
