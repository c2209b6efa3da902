"""Kaggle's facial-keypoints-detection: ``training.csv`` or ``training.zip`` as downloaded.

A row is 30 coordinates of 15 keypoints and a column ``Image`` of 9,216 grey values, 96×96. Of the original 7,049 rows
2,140 have all 15 keypoints, most others 4. Left and right are the person's own. Coordinates count from the
image's corner, or from what the faces of the file say (``first_centre_of``); in records they count from the first
pixel's centre.
"""

import math
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from kpplugins.data import AnnotationSet, ImageInfo, PoseRecord
from kpplugins.data.annotation_set import UNLABELLED
from kpplugins.data.parsing.values import parse_cell
from kpplugins.data.record_builder import build_record
from kpplugins.data.rule import AppliedRule
from kpplugins.formats.kaggle_faces.first_centre import first_centre_of
from kpplugins.formats.kaggle_faces.table import (
    FIRST_CENTRE,
    SIDE,
    WHERE_TO_GET,
    header_of,
    image_of,
    rows,
)
from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import infer_schema
from kpplugins.structures import BadInputError

NAMES = (
    "left_eye_center", "right_eye_center", "left_eye_inner_corner", "left_eye_outer_corner",
    "right_eye_inner_corner", "right_eye_outer_corner", "left_eyebrow_inner_end", "left_eyebrow_outer_end",
    "right_eyebrow_inner_end", "right_eyebrow_outer_end", "nose_tip", "mouth_left_corner", "mouth_right_corner",
    "mouth_center_top_lip", "mouth_center_bottom_lip",
)  # fmt: skip
FOUR = ("left_eye_center", "right_eye_center", "nose_tip", "mouth_center_bottom_lip")
"""The keypoints of the rows that have four."""
SKELETON = (
    ("left_eye_inner_corner", "left_eye_center"), ("left_eye_center", "left_eye_outer_corner"),
    ("right_eye_inner_corner", "right_eye_center"), ("right_eye_center", "right_eye_outer_corner"),
    ("left_eyebrow_inner_end", "left_eyebrow_outer_end"), ("right_eyebrow_inner_end", "right_eyebrow_outer_end"),
    ("mouth_left_corner", "mouth_center_top_lip"), ("mouth_center_top_lip", "mouth_right_corner"),
    ("mouth_right_corner", "mouth_center_bottom_lip"), ("mouth_center_bottom_lip", "mouth_left_corner"),
)  # fmt: skip
EDGE = 0.5
"""Kaggle's images go from 0 to 96: coordinates this far beyond the centre of the last pixel are moved onto it."""
KAGGLE_SCHEMA: KeypointSchema = infer_schema("kaggle_face", NAMES, skeleton=SKELETON)
SUBSETS = {"15": 15, "4": 4, "all": 0}
"""Rows to keep, by their number of labelled keypoints; 0 keeps every row that has one."""


def is_kaggle_faces(source: Path) -> bool:
    """Tell whether a source looks like Kaggle's training file, or a folder with it; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    try:
        return any(_is_training(file) for file in _candidates(source))
    except OSError:
        return False


def read_faces(
    source: Path, *, subset: str = "all", skip_bad: bool = False
) -> tuple[list[np.ndarray], AnnotationSet]:
    """Read every row of a training or test file.

    Args:
        source: ``training.csv``, ``training.zip``, or a folder with one of them.
        subset: ``15`` keeps rows with all 15 keypoints, ``4`` those with exactly four, ``all`` every row with one. Rows
            without any are counted.
        skip_bad: skip bad rows and log how many and why.

    Returns:
        The images, (96, 96) uint8 each, and one record per row, whose box is the whole image. A record's
        ``image`` is the name that its image gets when it is extracted, ``ROW.png`` with the number of the row, from 1.

    Raises:
        BadInputError: no such file, or a row is bad and ``skip_bad`` is false.
    """
    require_subset(subset)
    path = training_file(source)
    images, reading = _read(path, subset, first_centre_in(path))
    if not reading.records and not reading.faults:
        raise BadInputError(f"no row with subset {subset!r}", where=str(path))
    return images, reading.settle(skip_bad)


def first_centre_in(source: Path) -> float:
    """Tell what the coordinates of a training file call the first pixel's centre.

    Args:
        source: the file, or the folder that it is in.

    Returns:
        The number that ``read_faces`` subtracts; Kaggle's if there is no such file.
    """
    file = next((f for f in _candidates(source) if f.is_file()), None)
    if file is None:
        return FIRST_CENTRE
    facts = file.stat()
    return _first_centre(file, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=16)
def _first_centre(file: Path, changed: int, size: int) -> float:
    """Ask all rows, whatever subset is read, so that a file has one answer; once, as long as it does not change."""
    images, reading = _read(file, "all", FIRST_CENTRE)
    return first_centre_of(images, reading.records)


def _read(path: Path, subset: str, first: float) -> tuple[list[np.ndarray], AnnotationSet]:
    """Read the rows of a subset; ``first`` is the number of the first pixel's centre."""
    reading, images = AnnotationSet(KAGGLE_SCHEMA), []
    for number, row in rows(path, (*(f"{n}_{a}" for n in NAMES for a in "xy"), "Image")):
        where = f"{path}:{number + 1}"
        try:
            record = _record(row, where, Path(f"{number:05d}.png"), path, first)
            if in_subset(record, subset):
                images.append(image_of(row.get("Image"), where))
                reading.records.append(record)
            elif not record.num_labelled:
                reading.notes.count(UNLABELLED)
        except BadInputError as fault:
            reading.faults.append(fault)
    return images, reading


def require_subset(subset: str) -> None:
    """Raise BadInputError for an unknown subset.

    Args:
        subset: ``15``, ``4`` or ``all``.
    """
    if subset not in SUBSETS:
        raise BadInputError("unknown subset", where="subset", expected=", ".join(SUBSETS), found=repr(subset))


def in_subset(record: PoseRecord, subset: str) -> bool:
    """Tell whether a row belongs to a subset; one without any keypoint belongs to none.

    Args:
        record: of the row.
        subset: ``15``, ``4`` or ``all``.

    Returns:
        True where it does.
    """
    return record.num_labelled > 0 and SUBSETS[subset] in (0, record.num_labelled)


def training_file(source: Path) -> Path:
    """Find the training file of ``source``.

    Args:
        source: the file, or the folder that it is in.

    Returns:
        ``training.csv`` or ``training.zip``.

    Raises:
        BadInputError: there is none; the message says where to get it.
    """
    for file in _candidates(source):
        if file.is_file():
            return file
    raise BadInputError(
        "no training.csv or training.zip", where=str(source), todo=f"get it from {WHERE_TO_GET}"
    )


def read_kaggle_faces(
    source: Path, *, extract_to: Path, subset: str = "all", skip_bad: bool = False
) -> AnnotationSet:
    """Read every row, with the images extracted as PNG; see ``read_faces``.

    Args:
        source: ``training.csv``, ``training.zip``, or a folder with one of them.
        extract_to: the folder that the images are written to.
        subset: ``15``, ``4`` or ``all``.
        skip_bad: skip bad rows and report how many and why.

    Returns:
        The records, with every fault and every rule that was applied.
    """
    import cv2

    faces, reading = read_faces(source, subset=subset, skip_bad=skip_bad)
    extract_to.mkdir(parents=True, exist_ok=True)
    moved = []
    for face, record in zip(faces, reading.records, strict=True):
        path = extract_to / record.image
        cv2.imwrite(str(path), face)
        moved.append(replace(record, image=path))
    reading.records = moved
    return reading


def _candidates(source: Path) -> list[Path]:
    if source.is_dir():
        return [source / "training.csv", source / "training.zip"]
    return [source] if source.suffix.lower() in (".csv", ".zip") else []


def _is_training(path: Path) -> bool:
    return {"Image", f"{NAMES[0]}_x"} <= set(header_of(path))


def _record(row: dict[str, str], where: str, image: Path, source: Path, first: float) -> PoseRecord:
    keypoints, rules = np.zeros((len(NAMES), 3)), []
    for k, name in enumerate(NAMES):
        columns = [f"{name}_{axis}" for axis in "xy"]
        x, y = (parse_cell(row.get(column), column, where) - first for column in columns)
        if math.isnan(x) != math.isnan(y):
            raise BadInputError(f"{name} has only one of x and y", where=where, todo="give both or none")
        if math.isnan(x):
            continue
        moved = min(max(x, 0.0), SIDE - 1.0), min(max(y, 0.0), SIDE - 1.0)
        if max(abs(x - moved[0]), abs(y - moved[1])) > EDGE:
            moved = x, y
        keypoints[k] = *moved, 2
        rules += [AppliedRule.KEYPOINT_MOVED] * (moved != (x, y))
    whole = np.array([0.0, 0.0, SIDE - 1.0, SIDE - 1.0])
    return build_record(
        ImageInfo(image, SIDE, SIDE),
        keypoints,
        source=source,
        where=where,
        box=whole,
        category="face",
        rules=rules,
        border=0,
    )
