"""Kaggle's facial-keypoints-detection: ``training.csv`` or ``training.zip`` as downloaded.

A row is 30 coordinates of 15 points and a column ``Image`` of 9,216 grey values, 96×96. Of the original 7,049 rows
2,140 carry all 15 points, most others 4. Left and right are the person's own.
"""

import csv
import io
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kpplugins.converters.reading import OUTSIDE_NOTE, Reading
from kpplugins.structures import BadInputError, KeypointSchema, PoseRecord
from kpplugins.structures.geometry import inside_picture
from kpplugins.structures.schema_inference import infer_schema

SIDE = 96
NAMES = (
    "left_eye_center", "right_eye_center", "left_eye_inner_corner", "left_eye_outer_corner",
    "right_eye_inner_corner", "right_eye_outer_corner", "left_eyebrow_inner_end", "left_eyebrow_outer_end",
    "right_eyebrow_inner_end", "right_eyebrow_outer_end", "nose_tip", "mouth_left_corner", "mouth_right_corner",
    "mouth_center_top_lip", "mouth_center_bottom_lip",
)  # fmt: skip
FOUR = ("left_eye_center", "right_eye_center", "nose_tip", "mouth_center_bottom_lip")
"""The points of the rows that carry four."""
SKELETON = (
    ("left_eye_inner_corner", "left_eye_center"), ("left_eye_center", "left_eye_outer_corner"),
    ("right_eye_inner_corner", "right_eye_center"), ("right_eye_center", "right_eye_outer_corner"),
    ("left_eyebrow_inner_end", "left_eyebrow_outer_end"), ("right_eyebrow_inner_end", "right_eyebrow_outer_end"),
    ("mouth_left_corner", "mouth_center_top_lip"), ("mouth_center_top_lip", "mouth_right_corner"),
    ("mouth_right_corner", "mouth_center_bottom_lip"), ("mouth_center_bottom_lip", "mouth_left_corner"),
)  # fmt: skip
KAGGLE_SCHEMA: KeypointSchema = infer_schema("kaggle_face", NAMES, skeleton=SKELETON)
WHERE_TO_GET = "https://www.kaggle.com/c/facial-keypoints-detection/data"
SUBSETS = {"15": 15, "4": 4, "all": 0}
"""Which rows to keep by their number of labelled points; 0 keeps every row that has one."""


def is_kaggle_faces(source: Path) -> bool:
    """Whether ``source`` is the training file, or a folder with it. Never raises."""
    try:
        return any(_columns(file) is not None for file in _candidates(source))
    except OSError:
        return False


def read_faces(
    source: Path, *, subset: str = "all", skip_bad: bool = False
) -> tuple[list[np.ndarray], Reading]:
    """Read every row of a training or test file.

    Args:
        source: ``training.csv``, ``training.zip``, or a folder with one of them.
        subset: ``15`` keeps rows with all 15 points, ``4`` those with exactly four, ``all`` every row with a point.
        skip_bad: go on without bad rows, saying how many and why.

    Returns:
        The pictures, (96, 96) uint8 each, and one record a row: box the whole picture, area 96². A record's ``image``
        is the name that its picture gets when it is extracted, ``ROW.png`` with the row's number in the file, from 1.

    Raises:
        BadInputError: no such file, or a row is bad and ``skip_bad`` is false.
    """
    if subset not in SUBSETS:
        raise BadInputError("unknown subset", where="subset", expected=", ".join(SUBSETS), found=repr(subset))
    path = training_file(source)
    reading, pictures = Reading(KAGGLE_SCHEMA), []
    for number, row in _rows(path):
        where = f"{path}:{number + 1}"
        try:
            points, notes = _points(row, where)
            if SUBSETS[subset] in (0, len(_labelled(points))) and len(_labelled(points)):
                pictures.append(_picture(row.get("Image"), where))
                reading.records.append(_record(points, notes, Path(f"{number:05d}.png"), path))
        except BadInputError as fault:
            reading.faults.append(fault)
    if not reading.records and not reading.faults:
        raise BadInputError(f"no row with subset {subset!r}", where=str(path))
    return pictures, reading.settle(skip_bad)


def training_file(source: Path) -> Path:
    """The training file that ``source`` means.

    Raises:
        BadInputError: there is none; it says where to get it.
    """
    for file in _candidates(source):
        if file.is_file():
            return file
    raise BadInputError(
        "no training.csv or training.zip", where=str(source), todo=f"get it from {WHERE_TO_GET}"
    )


def read_kaggle_faces(
    source: Path, *, pictures: Path, subset: str = "all", skip_bad: bool = False
) -> Reading:
    """``read_faces`` with the pictures extracted as PNG into the folder ``pictures``."""
    import cv2

    images, reading = read_faces(source, subset=subset, skip_bad=skip_bad)
    pictures.mkdir(parents=True, exist_ok=True)
    moved = []
    for image, record in zip(images, reading.records, strict=True):
        path = pictures / record.image
        cv2.imwrite(str(path), image)
        moved.append(PoseRecord(**{**record.__dict__, "image": path}))
    reading.records = moved
    return reading


def _candidates(source: Path) -> list[Path]:
    if source.is_dir():
        return [source / "training.csv", source / "training.zip"]
    return [source] if source.suffix.lower() in (".csv", ".zip") else []


def _columns(path: Path) -> list[str] | None:
    """The header, where it is Kaggle's."""
    if not path.is_file():
        return None
    try:
        with _text(path) as text:
            header = next(csv.reader(text), [])
    except (OSError, BadInputError, UnicodeDecodeError, csv.Error):
        return None
    return header if "Image" in header and f"{NAMES[0]}_x" in header else None


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
            f"not a whole zip file: {error}", where=str(path), todo="download it again"
        ) from error


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    csv.field_size_limit(1 << 24)
    with _text(path) as text:
        reader = csv.reader(text)
        try:
            header = next(reader, [])
            missing = [c for n in NAMES for c in (f"{n}_x", f"{n}_y") if c not in header] + ["Image"] * (
                "Image" not in header
            )
            if missing:
                raise BadInputError("not Kaggle's training file", where=f"{path}:1", expected=f"column {missing[0]}",
                                    found=", ".join(header[:4])[:100] or "nothing")  # fmt: skip
            for number, values in enumerate(reader, 1):
                yield number, dict(zip(header, values, strict=False))
        except (UnicodeDecodeError, csv.Error, zipfile.BadZipFile, EOFError, OSError) as error:
            raise BadInputError(
                f"cannot be read as CSV: {error}", where=str(path), todo="download it again"
            ) from error


def _points(row: dict[str, str], where: str) -> tuple[np.ndarray, list[str]]:
    points, notes = np.zeros((len(NAMES), 3)), []
    for k, name in enumerate(NAMES):
        x, y = (_number(row.get(f"{name}_{axis}", ""), where, f"{name}_{axis}") for axis in "xy")
        if math.isnan(x) != math.isnan(y):
            raise BadInputError(f"{name} has only one of x and y", where=where, todo="give both or none")
        if math.isnan(x):
            continue
        if inside_picture(np.array([x, y]), SIDE, SIDE):
            points[k] = x, y, 2
        else:
            notes.append(OUTSIDE_NOTE)
    return points, notes


def _number(text: str | None, where: str, column: str) -> float:
    if not (text or "").strip():
        return math.nan
    try:
        value = float(str(text))
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise BadInputError(f"{column} is not a number", where=where, found=repr(text)[:40])
    return value


def _picture(text: str | None, where: str) -> np.ndarray:
    try:
        values = np.array((text or "").split(), dtype=np.int64)
    except (ValueError, OverflowError):
        values = np.array([-1])
    if len(values) != SIDE * SIDE or values.min() < 0 or values.max() > 255:
        raise BadInputError(
            "Image is not a picture", where=where, expected=f"{SIDE * SIDE} numbers from 0 to 255",
            found=f"{len(values)} values", todo="download the file again",
        )  # fmt: skip
    return values.astype(np.uint8).reshape(SIDE, SIDE)


def _labelled(points: np.ndarray) -> np.ndarray:
    return np.flatnonzero(points[:, 2] > 0)


def _record(points: np.ndarray, notes: list[str], image: Path, source: Path) -> PoseRecord:
    return PoseRecord(
        image=image, width=SIDE, height=SIDE, keypoints=points, bbox=np.array([0.0, 0.0, SIDE - 1.0, SIDE - 1.0]),
        area=float(SIDE * SIDE), source=source, notes=tuple(notes), category="face",
    )  # fmt: skip
