"""``prelabels.json`` beside an annotation: what a model had predicted before people corrected it.

Annotation tools give back what people submitted, so that the predictions are stored with the images when they are
written for the tool.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.annotation_set import PRELABELS_FILE, AnnotationSet
from kpplugins.data.coco.writer import images_of
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.parsing.documents import load_json
from kpplugins.data.parsing.values import as_dict, as_list, as_name, as_number, as_numbers
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.record_builder import build_record
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_text

_VERSION = 1
_HASH = re.compile(r"^[0-9a-f]{8}-")
"""What Label Studio puts before the name of an uploaded file."""


class PreLabels:
    """Predictions for images, to be written as ``prelabels.json``.

    Args:
        keypoints: K names.
        origin: what the predictions are called.
    """

    def __init__(self, keypoints: Sequence[str], origin: str) -> None:
        self.keypoints, self.origin = tuple(keypoints), origin
        self._images: dict[str, list[dict[str, Any]]] = {}

    def add(self, name: str, records: Sequence[PoseRecord], scores: Sequence[float]) -> None:
        """Take in what is predicted for an image, in place of what was before.

        Args:
            name: of the image relative to the folder, with /.
            records: the instances, with the K keypoints.
            scores: one an instance.
        """
        self._images[name] = [
            {
                "category": record.category, "score": round(score, 4), "bbox": _rounded(record.bbox),
                "keypoints": [_rounded(row) for row in record.keypoints],
            }
            for record, score in zip(records, scores, strict=True)
        ]  # fmt: skip

    def take_up(self, folder: Path) -> None:
        """Begin with what ``folder/prelabels.json`` has, if it is there.

        Args:
            folder: of the file.

        Raises:
            BadInputError: it is something else, or has other keypoints.
        """
        path = folder / PRELABELS_FILE
        if path.is_file():
            names, images = _parsed(path)
            if tuple(names) != self.keypoints:
                raise BadInputError(
                    "pre-labels of other keypoints", where=str(path), expected=", ".join(self.keypoints),
                    found=", ".join(names), todo="move it away",
                )  # fmt: skip
            self._images = {**images, **self._images}

    def write(self, folder: Path) -> None:
        """Write ``folder/prelabels.json``, whole or not at all.

        Args:
            folder: the folder of the annotation.

        Raises:
            BadInputError: it cannot be written.
        """
        head = {
            "kpplugins_prelabels": _VERSION,
            "origin": self.origin,
            "keypoint_names": list(self.keypoints),
        }
        text = json.dumps({**head, "images": self._images}, ensure_ascii=False)
        replace_text(folder / PRELABELS_FILE, text + "\n")


def read_prelabels(folder: Path, reading: AnnotationSet) -> dict[Path, list[PoseRecord]]:
    """Read what ``folder/prelabels.json`` says of the images of a set.

    Args:
        folder: the folder of the annotation.
        reading: what the annotation says now. An image is that of the same name below the folder, else the only one
            whose path ends in the name.

    Returns:
        The predicted instances by image, with the keypoints of ``reading``; nothing for images that were not predicted,
        or that are gone.

    Raises:
        BadInputError: it is not what ``PreLabels`` writes, or is of a newer version.
    """
    path = folder / PRELABELS_FILE
    where = str(path)
    names, listed = _parsed(path)
    reader = _Reader(path, names, reading.schema.keypoints)
    images = images_of(reading)
    exact = {p.path.relative_to(folder).as_posix(): p for p in images if p.path.is_relative_to(folder)}
    found: dict[Path, list[PoseRecord]] = {}
    meant = {name: exact.get(name) or _only(images, name) for name in listed}
    times = Counter(image.path for image in meant.values() if image is not None)
    for name, image in meant.items():
        if image is not None and (times[image.path] == 1 or name in exact):
            found[image.path] = [
                reader.record(e, image, f"{where}: {name}[{i}]") for i, e in enumerate(listed[name])
            ]
    unclear = sum(times[path] > 1 and path not in found for path in times)
    reading.notes.count("image with the name of several predicted ones, not compared", unclear)
    lost = sorted(set(names) - set(reading.schema.keypoints))
    reading.notes.count("predicted keypoint that the corrected set does not have, not compared", len(lost))
    return found


def _parsed(path: Path) -> tuple[list[str], dict[str, list[Any]]]:
    """Return the names of the keypoints, and the instances by image, not yet read."""
    where = str(path)
    whole = as_dict(load_json(path), "the file", where)
    if whole.get("kpplugins_prelabels") != _VERSION:
        raise BadInputError(
            "not pre-labels of this version", where=where, expected=f"version {_VERSION}",
            found=ascii(whole.get("kpplugins_prelabels"))[:20], todo="pip install --upgrade kpplugins, or delete it",
        )  # fmt: skip
    names = [as_name(n, "keypoint name", where) for n in as_list(whole.get("keypoint_names"), "names", where)]
    images = as_dict(whole.get("images"), "'images'", where)
    return names, {name: as_list(entries, "instances", where) for name, entries in images.items()}


class _Reader:
    """Reads instances whose keypoints are in an order of their own."""

    def __init__(self, path: Path, names: Sequence[str], wanted: Sequence[str]) -> None:
        self.path, self.count = path, len(names)
        self.order = [names.index(name) if name in names else -1 for name in wanted]

    def record(self, entry: Any, image: ImageInfo, where: str) -> PoseRecord:
        """Read one instance."""
        content = as_dict(entry, "instance", where)
        rows = as_list(content.get("keypoints"), "keypoints", where)
        if len(rows) != self.count:
            raise BadInputError(
                "wrong number of keypoints", where=where, expected=str(self.count), found=str(len(rows))
            )
        read = np.array([as_numbers(row, "keypoint", where, 3) for row in rows] + [np.zeros(3)])
        as_number(content.get("score"), "score", where)
        return build_record(
            ImageInfo(image.path, image.width, image.height), read[self.order], source=self.path, where=where,
            box=as_numbers(content.get("bbox"), "bbox", where, 4),
            category=as_name(content.get("category"), "category", where),
        )  # fmt: skip


def _only(images: Sequence[ImageInfo], name: str) -> ImageInfo | None:
    """Return the only image whose path ends in a name, in its last part, or in that without Label Studio's prefix."""
    whole = Path(name).parts
    for parts in (whole, whole[-1:], (_HASH.sub("", whole[-1]),)):
        found = [image for image in images if image.path.parts[-len(parts) :] == parts]
        if len(found) == 1:
            return found[0]
    return None


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 4) for value in values]
