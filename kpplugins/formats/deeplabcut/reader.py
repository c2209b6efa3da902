"""DeepLabCut projects: ``config.yaml`` and ``labeled-data/VIDEO/CollectedData_SCORER.csv`` (or ``.h5``).

One animal or several. The body parts that exist once per image (``uniquebodyparts``) become a separate instance with
the category ``unique``; animals have the category ``animal``. The images of a video are alike: split by
video (``--group-by 'labeled-data/([^/]+)'``).
"""

from pathlib import Path
from typing import Any

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.images import SUFFIXES
from kpplugins.data.parsing.documents import load_yaml
from kpplugins.data.parsing.image_folder import ImageFolder
from kpplugins.data.parsing.notes import Notes
from kpplugins.data.parsing.text import first_text
from kpplugins.data.record_builder import MARGIN
from kpplugins.formats.deeplabcut.h5 import read_h5_table
from kpplugins.formats.deeplabcut.table import PointTable, add_table, read_csv_table
from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import infer_schema
from kpplugins.structures import BadInputError

CONFIG = "config.yaml"
FOLDER = "labeled-data"


def is_deeplabcut(source: Path) -> bool:
    """Tell whether a source looks like a DeepLabCut project; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    root = source.parent if source.name == CONFIG else source
    try:
        return "bodyparts:" in first_text(root / CONFIG) and (root / FOLDER).is_dir()
    except OSError:
        return False


def read_deeplabcut(
    source: Path,
    *,
    images: Path | None = None,
    margin: float = MARGIN,
    negatives: bool = False,
    skip_bad: bool = False,
) -> AnnotationSet:
    """Read the labelled frames of every video, by name of video and row.

    Where a video has both files, the CSV is read; DeepLabCut writes both at once. An empty cell is an absent keypoint,
    every other one is visible (DeepLabCut does not say which are occluded). Nobody has labelled an image whose row has
    no keypoint, or that has no row: it is left out, which is counted.

    Args:
        source: the project's folder, or its ``config.yaml``.
        images: where the images are instead.
        margin: of the box around an animal's keypoints, see ``record_builder``.
        negatives: rows without keypoints are backgrounds: somebody has looked and there is nothing.
        skip_bad: skip bad rows and files.

    Returns:
        The records, with every fault and every rule that was applied.

    Raises:
        BadInputError: no such project, or a bad file and ``skip_bad`` is false.
    """
    root = source.parent if source.name == CONFIG else source
    config = load_yaml(root / CONFIG)
    tables, faults = _tables(root, str(config.get("scorer", "")))
    notes = Notes()
    schema = _schema(config, root / CONFIG, tables, notes)
    reading = AnnotationSet(schema, faults=faults, notes=notes)
    folder = ImageFolder(images or root, search=images is not None)
    seen: dict[Path, str] = {}
    for table in tables:
        strange = [part for part in table.bodyparts if part not in schema.keypoints]
        if strange:
            reading.faults.append(
                BadInputError(
                    "has a body part that config.yaml does not name",
                    where=f"{table.path}:1",
                    expected=", ".join(schema.keypoints),
                    found=repr(strange[0]),
                    todo="rename it in one of the two",
                )
            )
        else:
            add_table(reading, table, folder, margin, seen, negatives=negatives)
    reading.notes.say(*folder.notes, *_unlabelled(tables, seen))
    if not (reading.records or reading.faults or reading.backgrounds):
        raise BadInputError(
            "no labelled frame here", where=str(root / FOLDER), todo="label some in DeepLabCut"
        )
    return reading.settle(skip_bad)


def _tables(root: Path, scorer: str) -> tuple[list[PointTable], list[BadInputError]]:
    """Read one table per video, and collect the faults of those that cannot be read."""
    tables, faults = [], []
    if not (root / FOLDER).is_dir():
        raise BadInputError("no labelled frames here", where=str(root), expected=f"a folder {FOLDER}")
    for folder in sorted(p for p in (root / FOLDER).iterdir() if p.is_dir()):
        try:
            path = _labels_of(folder, scorer)
            if path is not None:
                tables.append(read_csv_table(path) if path.suffix == ".csv" else read_h5_table(path))
        except BadInputError as fault:
            faults.append(fault)
    return tables, faults


def _labels_of(folder: Path, scorer: str) -> Path | None:
    """Return the label file of a video; ``None`` if it was never labelled."""
    for suffix in (".csv", ".h5"):
        files = sorted(folder.glob(f"CollectedData_*{suffix}"))
        own = [path for path in files if path.stem == f"CollectedData_{scorer}"]
        if own or len(files) == 1:
            return (own or files)[0]
        if files:
            raise BadInputError(
                "video was labelled by several people",
                where=str(folder),
                expected=f"CollectedData_{scorer}{suffix}",
                found=", ".join(path.name for path in files),
                todo=f"name one of them as `scorer` in {CONFIG}",
            )
    return None


def _schema(config: dict[Any, Any], path: Path, tables: list[PointTable], notes: Notes) -> KeypointSchema:
    """Build the schema: names in the order of the configuration, the unique ones last if a table has them."""
    several = any(who for table in tables for who, _ in table.columns) or bool(
        config.get("multianimalproject")
    )
    names = _names(config, "multianimalbodyparts" if several else "bodyparts", path)
    if several:
        in_tables = {part for table in tables for part in table.bodyparts}
        names += [part for part in _names(config, "uniquebodyparts", path) if part in in_tables]
    if not names:
        raise BadInputError("names no body parts", where=str(path), todo="list them under `bodyparts`")
    return infer_schema("deeplabcut", names, skeleton=_skeleton(config, path, names, notes))


def _names(config: dict[Any, Any], key: str, path: Path) -> list[str]:
    value = config.get(key) or []
    if not isinstance(value, list) or not all(isinstance(name, (str, int)) for name in value):
        raise BadInputError(
            f"`{key}` is not a list of names",
            where=f"{path}: {key}",
            found=repr(value)[:80],
            todo="list the names",
        )
    return [str(name) for name in value]


def _skeleton(config: dict[Any, Any], path: Path, names: list[str], notes: Notes) -> list[tuple[str, str]]:
    """Return the lines between known keypoints; DeepLabCut's template names some that no project has."""
    lines: list[tuple[str, str]] = []
    value = config.get("skeleton") or []
    for line in value if isinstance(value, list) else [value]:
        pair = tuple(str(name) for name in line) if isinstance(line, list) else ()
        if len(pair) == 2 and set(pair) <= set(names) and pair[0] != pair[1]:
            lines.append((pair[0], pair[1]))
        else:
            notes.say(f"{path}: skeleton: line {repr(line)[:80]} joins no two known points, left out")
    return lines


def _unlabelled(tables: list[PointTable], seen: dict[Path, str]) -> list[str]:
    """Say how many images of each video have no row."""
    known = {path.resolve() for path in seen}
    notes = []
    for table in tables:
        images = [p for p in table.path.parent.iterdir() if p.suffix.lower() in SUFFIXES]
        alone = sum(p.resolve() not in known for p in images) - len(table.faults)
        if alone > 0:
            notes.append(f"{table.path.parent}: {alone} images have no row, left out")
    return notes
