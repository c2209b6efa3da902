"""Animal-Pose (Cao et al., ICCV 2019): ``keypoints.json`` beside ``images``.

It looks like COCO but is not: ``images`` is an object, name by id; a box is ``xmin, ymin, xmax, ymax``; ``keypoints``
is a list of ``[x, y, v]``; and the lines of the skeleton count from 0. If the whole file has only visibilities 0 and 1,
1 means labelled (2 in the inner format); with a 2 anywhere, they are COCO's. Flip pairs come from the names.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.one_image import add_image
from kpplugins.data.parsing.documents import load_json
from kpplugins.data.parsing.image_folder import ImageFolder
from kpplugins.data.parsing.notes import Notes
from kpplugins.data.parsing.skeletons import skeleton_lines
from kpplugins.data.parsing.text import annotation_files, first_text
from kpplugins.data.parsing.values import as_dict, as_list, as_name, as_numbers
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.record_builder import MARGIN, build_record
from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import infer_schema, union_schema
from kpplugins.structures import BadInputError

_IMAGES = ("images", "")


def is_animal_pose(source: Path) -> bool:
    """Tell whether a source looks like Animal-Pose; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    try:
        return any(_looks_like(path) for path in annotation_files(source, (".json",))[:5])
    except (BadInputError, OSError):
        return False


def read_animal_pose(
    source: Path, *, images: Path | None = None, margin: float = MARGIN, skip_bad: bool = False
) -> AnnotationSet:
    """Read the annotation.

    Args:
        source: the folder with ``keypoints.json`` and ``images``, or that file.
        images: where the images are; ``None`` looks in the folders named above.
        margin: of derived boxes, see ``record_builder``.
        skip_bad: skip bad images.

    Returns:
        One record an animal; an image that is listed without one is a background.

    Raises:
        BadInputError: no such file, or an entry is bad and ``skip_bad`` is false.
    """
    files = _files(source)
    if len(files) != 1:
        raise BadInputError(
            "several annotations of Animal-Pose" if files else "no annotation of Animal-Pose here", where=str(source),
            expected="one keypoints.json", found=", ".join(path.name for path in files)[:120],
        )  # fmt: skip
    path = files[0]
    raw = as_dict(load_json(path), "the file", str(path))
    notes = Notes()
    schemas = _categories(raw, path, notes)
    schema = union_schema(dict(schemas.values()))
    reading = AnnotationSet(schema, notes=notes)
    if any(own.keypoints != schema.keypoints for _, own in schemas.values()):
        reading.category_keypoints = {name: own.keypoints for name, own in schemas.values()}
    names = as_dict(raw.get("images"), "images", str(path))
    animals: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    for i, value in enumerate(as_list(raw.get("annotations"), "annotations", str(path))):
        where = f"{path}: annotations[{i}]"
        key = str(value.get("image_id")) if isinstance(value, dict) else ""
        if key in names:
            animals[key].append((where, value))
        else:
            reading.faults.append(
                BadInputError("annotation of an unknown image", where=where, found=f"image_id {key[:40]!a}")
            )
    two = any(v == 2 for found in animals.values() for _, value in found for v in _marks(value))
    folder = ImageFolder(images or path.parent, _IMAGES, search=images is not None)
    reader = _Reader(path, folder, schema, schemas, 1 if two else 2, margin)
    for key, name in names.items():
        add_image(reading, partial(reader.image, key, name, animals[key]))
    reading.notes.say(*folder.notes)
    return reading.settle(skip_bad)


def _categories(raw: dict[str, Any], path: Path, notes: Notes) -> dict[str, tuple[str, KeypointSchema]]:
    """Return the name and the schema of each category, by its id."""
    found = {}
    for i, value in enumerate(as_list(raw.get("categories"), "categories", str(path))):
        where = f"{path}: categories[{i}]"
        category = as_dict(value, "category", where)
        name = as_name(category.get("name"), "name", where)
        points = [
            as_name(n, "keypoint", where) for n in as_list(category.get("keypoints"), "keypoints", where)
        ]
        lines = skeleton_lines(points, category.get("skeleton"), first=0, where=where, notes=notes)
        found[str(category.get("id"))] = name, infer_schema(name, points, skeleton=lines)
    if not found:
        raise BadInputError(
            "no category", where=str(path), expected="categories[].keypoints, a list of names"
        )
    return found


def _marks(value: Any) -> list[Any]:
    rows = value.get("keypoints") if isinstance(value, dict) else None
    return (
        [row[2] for row in rows if isinstance(row, list) and len(row) == 3] if isinstance(rows, list) else []
    )


@dataclass(frozen=True)
class _Reader:
    """Builds the records of one file; ``labelled`` is the visibility that its 1 means."""

    path: Path
    folder: ImageFolder
    schema: KeypointSchema
    categories: dict[str, tuple[str, KeypointSchema]]
    labelled: int
    margin: float

    def image(
        self, key: str, name: Any, animals: list[tuple[str, Any]]
    ) -> tuple[ImageInfo, list[PoseRecord]]:
        where = f"{self.path}: images {key[:40]!a}"
        image = self.folder.find(as_name(name, "name", where), where)
        return image, [self._record(image, value, place) for place, value in animals]

    def _record(self, image: ImageInfo, value: Any, where: str) -> PoseRecord:
        raw = as_dict(value, "annotation", where)
        key = str(raw.get("category_id"))
        if key not in self.categories:
            known = " or ".join(f"{i} ({name})" for i, (name, _) in self.categories.items())
            raise BadInputError("a category_id that has no name", where=where, expected=known, found=key[:40])
        name, own = self.categories[key]
        rows = as_list(raw.get("keypoints"), "keypoints", where)
        if len(rows) != own.num_keypoints:
            raise BadInputError(
                "number of keypoints differs from its category's", where=where, expected=str(own.num_keypoints),
                found=str(len(rows)),
            )  # fmt: skip
        points = np.zeros((self.schema.num_keypoints, 3))
        points[self.schema.indices_of(own.keypoints)] = [
            as_numbers(row, f"keypoints[{i}]", where, 3) for i, row in enumerate(rows)
        ]
        points[:, 2] = np.where(points[:, 2] == 1, self.labelled, points[:, 2])
        box = None if raw.get("bbox") is None else as_numbers(raw["bbox"], "bbox", where, 4)
        return build_record(
            image, points, source=self.path, where=where, box=box, margin=self.margin, category=name
        )


def _files(source: Path) -> list[Path]:
    return [path for path in annotation_files(source, (".json",)) if _looks_like(path)]


def _looks_like(path: Path) -> bool:
    """Tell whether ``images`` of a file is an object; it need not stand at the beginning of ``keypoints.json``."""
    squeezed = "".join(first_text(path).split())
    if not squeezed.startswith("{") or '"images":[' in squeezed:
        return False
    if '"images":{"' in squeezed:
        return '"annotations":' in squeezed
    if path.name != "keypoints.json":
        return False
    content = load_json(path)
    return isinstance(content, dict) and isinstance(content.get("images"), dict) and "annotations" in content
