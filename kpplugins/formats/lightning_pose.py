"""Lightning Pose data folders: ``CollectedData*.csv`` at the root, images named from there.

The table is DeepLabCut's with one animal; several tables (``CollectedData_top.csv`` for each camera, or
``CollectedData_new.csv`` with frames of other sessions) are read together. Where there is none of that name, every
``*.csv`` with labels is.
"""

from pathlib import Path

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.parsing.image_folder import ImageFolder
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


def read_lightning_pose(
    source: Path,
    *,
    images: Path | None = None,
    margin: float = MARGIN,
    negatives: bool = False,
    skip_bad: bool = False,
) -> AnnotationSet:
    """Read every row of every table, by name of table and row.

    An empty cell is an absent keypoint, every other one is visible. Nobody has labelled the image of a row without
    keypoints: it is left out, which is counted. Tables of several views may have different body parts: then each view
    is a category, with its own keypoints.

    Args:
        source: the data folder, or one table in it.
        images: where the images are instead.
        margin: of the box around the keypoints, see ``record_builder``.
        negatives: rows without keypoints are backgrounds: somebody has looked and there is nothing.
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
            tables.append(_like_its_view(read_csv_table(path), tables))
        except BadInputError as fault:
            faults.append(fault)
    if not tables:
        if faults:
            raise faults[0]
        raise BadInputError(
            "no Lightning Pose labels here", where=str(source), expected=PATTERN, todo="give the data folder"
        )
    parts = list(dict.fromkeys(part for table in tables for part in table.bodyparts))
    reading = AnnotationSet(infer_schema("lightning_pose", parts), faults=faults)
    folder = ImageFolder(images or root, search=images is not None)
    seen: dict[Path, str] = {}
    views = {_view(table): tuple(table.bodyparts) for table in tables}
    if any(set(own) != set(parts) for own in views.values()):
        reading.category_keypoints = views
        reading.notes.say(f"views with different body parts, a category each: {', '.join(views)}")
    for table in tables:
        category = _view(table) if reading.category_keypoints else "animal"
        add_table(reading, table, folder, margin, seen, category, negatives)
    reading.notes.say(*folder.notes)
    if not (reading.records or reading.faults or reading.backgrounds):
        raise BadInputError("holds no labelled image", where=str(tables[0].path))
    return reading.settle(skip_bad)


def _files(source: Path) -> list[Path]:
    """List the tables: those with Lightning Pose's usual name, else every CSV with labels and no predictions."""
    if not source.is_dir():
        return [p for p in [source] if p.suffix == ".csv"]
    return sorted(source.glob(PATTERN)) or [p for p in sorted(source.glob("*.csv")) if _has_labels(p)]


def _has_labels(path: Path) -> bool:
    lines = first_text(path).splitlines()[:3]
    return len(lines) == 3 and lines[0].startswith("scorer,") and "likelihood" not in lines[2]


def _view(table: PointTable) -> str:
    """Return the camera of a table: ``top`` for ``CollectedData_top.csv`` and ``CollectedData_top_new.csv``."""
    name = table.path.stem.removeprefix(PATTERN.split("*")[0]).removesuffix("_new")
    return name.strip("_- ") or "animal"


def _like_its_view(table: PointTable, others: list[PointTable]) -> PointTable:
    if any(who for who, _ in table.columns):
        raise BadInputError(
            "has several individuals, which Lightning Pose does not support",
            where=f"{table.path}:2",
            todo="read the DeepLabCut project that it comes from",
        )
    other = next((t for t in others if _view(t) == _view(table)), table)
    if set(table.columns) != set(other.columns):
        raise BadInputError(
            "has other body parts than the first table of its view",
            where=f"{table.path}:2",
            expected=", ".join(other.bodyparts),
            found=", ".join(table.bodyparts)[:200],
        )
    return table
