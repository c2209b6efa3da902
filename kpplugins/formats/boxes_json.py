"""One JSON per image: ``{"bboxes": [[left, top, right, bottom], …], "keypoints": [[[x, y, visible], …], …]}``.

``annotations/NAME.json`` beside ``images/NAME.jpg``, either at the root or below folders ``train``, ``val`` and
``test``. The files do not name the keypoints.
"""

import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.images import SUFFIXES
from kpplugins.data.parsing.documents import load_json
from kpplugins.data.parsing.image_files import measure_image
from kpplugins.data.parsing.text import first_text
from kpplugins.data.parsing.values import as_list, as_numbers
from kpplugins.data.record_builder import build_record
from kpplugins.data.splits import SPLIT_WORDS, true_division
from kpplugins.schema.from_names import infer_schema, numbered_names
from kpplugins.structures import BadInputError


@dataclass(frozen=True)
class _Sheet:
    """One annotation file's content, checked for its form."""

    path: Path
    image: Path
    boxes: np.ndarray  # (N, 4)
    points: list[np.ndarray]  # N of (K, 3)


def is_boxes_json(source: Path) -> bool:
    """Tell whether a source looks like a folder with one JSON per image; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    try:
        for folder in _folders(source):
            for path in sorted((folder / "annotations").glob("*.json"))[:1]:
                text = first_text(path)
                return '"bboxes"' in text and '"keypoints"' in text
    except OSError:
        pass
    return False


def read_boxes_json(source: Path, *, skip_bad: bool = False) -> AnnotationSet:
    """Read every annotation file, sorted by folder and name.

    If the whole source has only visibilities 0 and 1, 1 means visible (2 in the inner format); with a 2 anywhere, they
    are COCO's. Folders ``train``, ``val`` and ``test`` give ``splits`` if there are at least two.

    Args:
        source: the folder with ``annotations`` and ``images``, or one with ``train``, ``val``, ``test``.
        skip_bad: skip bad files.

    Returns:
        The records, with every fault and every rule that was applied.

    Raises:
        BadInputError: no such files, or a bad file and ``skip_bad`` is false.
    """
    faults: list[BadInputError] = []
    sheets: list[_Sheet] = []
    splits: dict[Path, str] = {}
    for folder in _folders(source):
        added = _sheets(folder, faults)
        sheets += added
        if folder != source:
            splits.update({sheet.image: SPLIT_WORDS[folder.name] for sheet in added})
    if not sheets and not faults:
        raise BadInputError(
            "no annotations here", where=str(source), expected="annotations/NAME.json and images/NAME.jpg"
        )
    k = _number_of_points(sheets, faults, source)
    reading = AnnotationSet(infer_schema("boxes_json", numbered_names(k)), faults=faults)
    top = max((p[:, 2].max() for sheet in sheets for p in sheet.points if len(p)), default=0)
    for sheet in sheets:
        try:
            _add(reading, sheet, k, 2 if top == 1 else 1)
        except BadInputError as fault:
            reading.faults.append(fault)
    used = {r.image for r in reading.records} | {p.path for p in reading.backgrounds}
    reading.splits = true_division({path: split for path, split in splits.items() if path in used})
    return reading.settle(skip_bad)


def _folders(source: Path) -> list[Path]:
    """Return the folders with ``annotations``: the source itself, or those named after splits."""
    if (source / "annotations").is_dir():
        return [source]
    return [source / f for f in SPLIT_WORDS if (source / f / "annotations").is_dir()]


def _sheets(folder: Path, faults: list[BadInputError]) -> list[_Sheet]:
    images: dict[str, list[Path]] = {}
    for image in sorted((folder / "images").glob("*")):
        if image.suffix.lower() in SUFFIXES:
            images.setdefault(unicodedata.normalize("NFC", image.stem), []).append(image)
    sheets = []
    for path in sorted((folder / "annotations").glob("*.json")):
        found = images.pop(unicodedata.normalize("NFC", path.stem), [])
        try:
            if len(found) != 1:
                raise BadInputError(
                    "annotation fits two images" if found else "annotation without image",
                    where=str(path),
                    expected=f"one image images/{path.stem}.jpg (or .png, …)",
                    found=", ".join(p.name for p in found),
                    todo="restore the image or delete the annotation",
                )
            sheets.append(_parse(path, found[0]))
        except BadInputError as fault:
            faults.append(fault)
    for image in (image for rest in images.values() for image in rest):
        faults.append(
            BadInputError(
                "image without annotation",
                where=str(image),
                expected=f"annotations/{image.stem}.json",
                todo="annotate it or move it elsewhere",
            )
        )
    return sheets


def _parse(path: Path, image: Path) -> _Sheet:
    content = load_json(path)
    boxes, points = (
        as_list(content.get(key) if isinstance(content, dict) else None, f"list {key!r}", str(path))
        for key in ("bboxes", "keypoints")
    )
    if len(boxes) != len(points):
        raise BadInputError(
            "numbers of boxes and of instances differ",
            where=f"{path}: keypoints",
            expected=f"{len(boxes)} instances as there are boxes",
            found=str(len(points)),
        )
    return _Sheet(
        path,
        image,
        np.array([as_numbers(b, "box", f"{path}: bboxes[{i}]", 4) for i, b in enumerate(boxes)]).reshape(
            -1, 4
        ),
        [_points(instance, f"{path}: keypoints[{i}]") for i, instance in enumerate(points)],
    )


def _points(value: Any, where: str) -> np.ndarray:
    rows = as_list(value, "instance", where)
    points = [as_numbers(row, "keypoint", f"{where}[{i}]", 3) for i, row in enumerate(rows)]
    return np.array(points).reshape(-1, 3)


def _number_of_points(sheets: list[_Sheet], faults: list[BadInputError], source: Path) -> int:
    """Return K: what most instances have."""
    counts = Counter(len(p) for sheet in sheets for p in sheet.points if len(p))
    if not counts:
        if faults:
            raise faults[0]
        raise BadInputError("no instance in any annotation", where=str(source))
    return counts.most_common(1)[0][0]


def _add(reading: AnnotationSet, sheet: _Sheet, k: int, scale: int) -> None:
    image = measure_image(sheet.image, str(sheet.path))
    records = []
    for i, (box, points) in enumerate(zip(sheet.boxes, sheet.points, strict=True)):
        where = f"{sheet.path}: keypoints[{i}]"
        if len(points) != k:
            raise BadInputError(
                "instance has another number of keypoints",
                where=where,
                expected=str(k),
                found=str(len(points)),
            )
        scaled = np.where((points == 1) & [False, False, True], scale, points)
        records.append(build_record(image, scaled, source=sheet.path, where=where, box=box))
    reading.records.extend(records)
    if not records:
        reading.backgrounds.append(image)
