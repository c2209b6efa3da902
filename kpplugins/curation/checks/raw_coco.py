"""Read COCO files as written, beside what the reader made of them: sizes, areas, ids and categories."""

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data import ImageInfo
from kpplugins.data.annotation_set import AnnotationSet, SourceFile
from kpplugins.data.coco.schema import coco_object
from kpplugins.data.coco.writer import images_of
from kpplugins.data.parsing.values import coco_id
from kpplugins.data.rule import AppliedRule
from kpplugins.structures.geometry import clip_box

_MOVED = {AppliedRule.EXIF_TURNED, AppliedRule.EXIF_FOLLOWED, AppliedRule.RESCALED}


@dataclass(frozen=True)
class RawAnnotation:
    """One annotation.

    Attributes:
        name: its id, or its position in the list.
        entry: the JSON object.
        image: with its real size; ``None`` where it is missing or unreadable.
        instance: index in ``AnnotationSet.records``; ``None`` where the reader left it out.
        corners: see ``SourceFile``.
    """

    name: str
    entry: dict[str, Any]
    image: ImageInfo | None
    instance: int | None
    corners: bool = False

    @property
    def box(self) -> np.ndarray | None:
        """Return ``bbox`` as written, (4,) float64, x, y, width, height; ``None`` if it is not four numbers."""
        box = _numbers(self.entry.get("bbox"), 4)
        if box is not None and self.corners:
            box[2:] -= box[:2]
        return box

    @property
    def area(self) -> float | None:
        """Return ``area`` as written; ``None`` if it is not a positive number."""
        found = _numbers([self.entry.get("area")], 1)
        return float(found[0]) if found is not None and found[0] > 0 else None

    @property
    def points(self) -> np.ndarray | None:
        """Return ``keypoints`` as written, (K, 3) float64; ``None`` if they are not triples of numbers."""
        flat = self.entry.get("keypoints")
        found = _numbers(flat, len(flat)) if isinstance(flat, list) and len(flat) % 3 == 0 else None
        return None if found is None else found.reshape(-1, 3)


@dataclass(frozen=True)
class RawFile:
    """One annotation file.

    Attributes:
        path: the file.
        images: every image object with its image, as in ``RawAnnotation``.
        annotations: every annotation object.
        categories: every category object.
    """

    path: Path
    images: tuple[tuple[dict[str, Any], ImageInfo | None], ...]
    annotations: tuple[RawAnnotation, ...]
    categories: tuple[dict[str, Any], ...]


def read_raw(reading: AnnotationSet) -> list[RawFile]:
    """Read the COCO files of a source and match them with the records.

    Args:
        reading: what the reader made of a source.

    Returns:
        The files that the reader used, in its order. An image whose annotations were turned or scaled counts as
        unreadable: what is written of it is not in its pixels.
    """
    moved = {record.image for record in reading.records if _MOVED.intersection(record.rules)}
    sizes = {image.path: image for image in images_of(reading) if image.path not in moved}
    return [_raw_file(file, coco_object(file.path), sizes, reading) for file in reading.files]


def _raw_file(
    file: SourceFile, content: dict, sizes: dict[Path, ImageInfo], reading: AnnotationSet
) -> RawFile:
    images: list[tuple[dict[str, Any], ImageInfo | None]] = []
    by_id: dict[str | None, ImageInfo | None] = {}
    for entry, place in zip(content["images"], file.images, strict=True):
        image = sizes.get(place) if place is not None else None
        if isinstance(entry, dict):
            images.append((entry, image))
            by_id.setdefault(coco_id(entry.get("id")), image)
    waiting: dict[tuple, list[int]] = defaultdict(list)
    for i, record in enumerate(reading.records):
        if record.source == file.path:
            derived = AppliedRule.BOX_DERIVED in record.rules or AppliedRule.BOX_SMALL in record.rules
            waiting[_key(record.image, None if derived else record.bbox)].append(i)
    annotations = []
    for i, entry in enumerate(_objects(content["annotations"])):
        raw = RawAnnotation(str(entry.get("id", f"at place {i}")), entry, None, None, file.corners)
        image = by_id.get(coco_id(entry.get("image_id")))
        same = waiting.get(_key(image.path, _fitted(raw.box, image)), []) if image is not None else []
        instance = same.pop(0) if same else None
        annotations.append(replace(raw, image=image, instance=instance))
    return RawFile(file.path, tuple(images), tuple(annotations), tuple(_objects(content["categories"])))


def _fitted(box: np.ndarray | None, image: ImageInfo) -> np.ndarray | None:
    """Return the xyxy box that the reader makes of ``bbox``; ``None`` where it derives one."""
    if box is None or not box[2:].all():
        return None
    return clip_box(np.concatenate([box[:2], box[:2] + box[2:]]), image.width, image.height)


def _key(image: Path, box: np.ndarray | None) -> tuple:
    return image, None if box is None else tuple(np.round(box, 3).tolist())


def _objects(values: Any) -> list[dict]:
    return [v for v in values if isinstance(v, dict)] if isinstance(values, list) else []


def _numbers(values: Any, count: int) -> np.ndarray | None:
    """Return ``count`` finite numbers as float64, or ``None`` if ``values`` is anything else."""
    if not isinstance(values, list) or len(values) != count:
        return None
    if any(isinstance(v, bool) or not isinstance(v, (int, float)) or abs(v) > 1e9 for v in values):
        return None
    array = np.array(values, dtype=np.float64)
    return array if np.isfinite(array).all() else None
