"""Datumaro's own format, which CVAT exports too: ``annotations/SUBSET.json`` and ``images/SUBSET/NAME``.

A file has ``categories.label.labels`` (names), ``categories.points.items`` (``labels``, the names of the keypoints of a
label, and ``joints``, its lines) and ``items``, one an image, with ``annotations``:

- ``points``: ``points`` (x, y of each keypoint) and ``visibility`` (0 absent, 1 hidden, 2 visible);
- ``skeleton``: ``elements``, each a ``points`` of one keypoint, whose label is its name;
- ``bbox``: ``bbox`` x, y, width, height. It is the box of the keypoints of its ``group``; without a group (0), of those
  without a group that have its label and lie in it, if that is the smallest such box.

``label`` and ``caption`` are passed over; other shapes are ignored and counted. An annotation that is ``occluded`` has
no keypoint that is more visible than that. Subsets called train, val and test give the splits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.grouping import ignored_shapes
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.images import SUFFIXES
from kpplugins.data.one_image import add_image
from kpplugins.data.parsing.documents import load_json
from kpplugins.data.parsing.image_folder import ImageFolder
from kpplugins.data.parsing.notes import Notes
from kpplugins.data.parsing.skeletons import skeleton_lines
from kpplugins.data.parsing.text import annotation_files, first_text
from kpplugins.data.parsing.values import as_dict, as_list, as_name, as_number, as_numbers, as_size
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.record_builder import MARGIN, build_record
from kpplugins.data.rule import AppliedRule
from kpplugins.data.splits import true_division
from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import infer_schema, union_schema
from kpplugins.structures import BadInputError

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
_NOT_SHAPES = ("label", "caption")


@dataclass
class _Thing:
    """Keypoints that belong together, before they have a box."""

    label: str
    points: dict[str, tuple[float, float, float]]
    where: str
    group: int = 0
    box: tuple[float, float, float, float] | None = None
    rules: list[AppliedRule] = field(default_factory=list)


@dataclass(frozen=True)
class _Labels:
    """Names of the labels, and of the keypoints of each that has any."""

    names: list[str]
    points: dict[str, KeypointSchema]


def is_datumaro(source: Path) -> bool:
    """Tell whether a source looks like Datumaro's format; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    try:
        return bool(_files(source, 5))
    except (BadInputError, OSError):
        return False


def read_datumaro(
    source: Path,
    *,
    images: Path | None = None,
    margin: float = MARGIN,
    rescale: bool = False,
    skip_bad: bool = False,
) -> AnnotationSet:
    """Read every subset.

    Args:
        source: the folder with ``annotations`` and ``images``, or one JSON file.
        images: where the images are; ``None`` looks in the folders named above.
        margin: of derived boxes, see ``record_builder``.
        rescale: see ``measure_image``.
        skip_bad: skip bad images.

    Returns:
        One record for each set of keypoints or box; an image without either is a background.

    Raises:
        BadInputError: no such file, no label has keypoints, or something is bad and ``skip_bad`` is false.
    """
    files = _files(source)
    if not files:
        raise BadInputError(
            "no annotation of Datumaro here", where=str(source), expected="annotations/SUBSET.json with items"
        )
    parsed = [(path, as_dict(load_json(path), "the file", str(path))) for path in files]
    notes = Notes()
    labels = {path: _labels(raw, path, notes) for path, raw in parsed}
    schemas = {name: schema for found in labels.values() for name, schema in found.points.items()}
    if not schemas:
        raise BadInputError(
            "no label has keypoints", where=str(files[0]), expected="categories.points.items, or skeletons",
        )  # fmt: skip
    schema = next(iter(schemas.values())) if len(schemas) == 1 else union_schema(schemas)
    reading = AnnotationSet(schema, notes=notes)
    if any(own.keypoints != schema.keypoints for own in schemas.values()):
        reading.category_keypoints = {name: own.keypoints for name, own in schemas.items()}
    folders: dict[Path, ImageFolder] = {}
    for path, raw in parsed:
        root = images or (path.parent.parent if path.parent.name == "annotations" else path.parent)
        folder = folders.setdefault(root, ImageFolder(root, search=images is not None, rescale=rescale))
        for i, item in enumerate(as_list(raw.get("items"), "items", str(path))):
            add_image(
                reading,
                partial(_read_item, item, f"{path}: items[{i}]", path, folder, labels[path], schema, margin),
                _SPLITS.get(path.stem.lower(), ""),
            )
    for folder in folders.values():
        reading.notes.say(*folder.notes)
    reading.splits = true_division(reading.splits)
    return reading.settle(skip_bad)


def _read_item(
    item: Any,
    where: str,
    path: Path,
    folder: ImageFolder,
    labels: _Labels,
    schema: KeypointSchema,
    margin: float,
) -> tuple[ImageInfo, list[PoseRecord]]:
    entry = as_dict(item, "item", where)
    image = _image(entry, folder, path.stem, where)
    return image, [_record(image, thing, schema, path, margin) for thing in _things(entry, labels, where)]


def _labels(raw: dict[str, Any], path: Path, notes: Notes) -> _Labels:
    where = f"{path}: categories"
    categories = as_dict(raw.get("categories"), "categories", str(path))
    label = as_dict(categories.get("label"), "label", where)
    entries = [as_dict(v, "label", where) for v in as_list(label.get("labels"), "labels", where)]
    names = [as_name(entry.get("name"), "name of a label", where) for entry in entries]
    parents = [entry.get("parent") or "" for entry in entries]
    schemas: dict[str, KeypointSchema] = {}
    points = as_dict(categories.get("points", {}), "points", where)
    for i, value in enumerate(as_list(points.get("items", []), "items", where)):
        place = f"{where}.points.items[{i}]"
        entry = as_dict(value, "item", place)
        own = [as_name(n, "keypoint", place) for n in as_list(entry.get("labels"), "labels", place)]
        if own:
            name = _name_of(entry.get("label_id"), names, place)
            schemas[name] = infer_schema(
                name, own, skeleton=skeleton_lines(own, entry.get("joints"), where=place, notes=notes)
            )
    for name in dict.fromkeys(
        parent for parent in parents if parent in names
    ):  # skeletons' labels are parents
        own = [child for child, parent in zip(names, parents, strict=True) if parent == name]
        schemas.setdefault(name, infer_schema(name, own))
    return _Labels(names, schemas)


def _name_of(number: Any, names: Sequence[str], where: str) -> str:
    if type(number) is not int or not 0 <= number < len(names):
        raise BadInputError(
            "unknown label", where=where, expected=f"label_id 0 to {len(names) - 1}", found=ascii(number)[:40]
        )
    return names[number]


def _image(entry: dict[str, Any], folder: ImageFolder, subset: str, where: str) -> ImageInfo:
    key = as_name(entry.get("id"), "id", where)
    media = entry.get("image") or entry.get("media") or {}
    media = as_dict(media, "image", where)
    if "point_cloud" in entry:
        raise BadInputError("item is a point cloud", where=where, expected="an image")
    path, size = media.get("path"), media.get("size")
    declared = None
    if size is not None:
        height, width = as_numbers(size, "size", where, 2).tolist()
        declared = as_size(width, height, where)
    names = [as_name(path, "path", where)] if path else [key + suffix for suffix in SUFFIXES]
    return folder.find(names, where, bases=(f"images/{subset}", "images", ""), declared=declared)


def _things(entry: dict[str, Any], labels: _Labels, where: str) -> list[_Thing]:
    things: list[_Thing] = []
    boxes: list[_Thing] = []
    ignored: list[str] = []
    for i, value in enumerate(as_list(entry.get("annotations"), "annotations", where)):
        place = f"{where}.annotations[{i}]"
        raw = as_dict(value, "annotation", place)
        kind = as_name(raw.get("type"), "type", place)
        if kind in ("points", "skeleton", "bbox"):
            thing = _Thing(
                "object" if kind == "bbox" and raw.get("label_id") is None
                else _name_of(raw.get("label_id"), labels.names, place),
                {}, place, int(as_number(raw.get("group") or 0, "group", place)),
            )  # fmt: skip
            if kind == "bbox":
                x, y, w, h = as_numbers(raw.get("bbox"), "bbox", place, 4).tolist()
                thing.box = (x, y, x + w, y + h)
                boxes.append(thing)
            else:
                parse = _skeleton if kind == "skeleton" else _points
                thing.points = parse(raw, thing.label, labels, place)
                things.append(thing)
        elif kind not in _NOT_SHAPES:
            ignored.append(kind)
    rules = ignored_shapes(ignored, bool(things or boxes), where)
    alone = [box for box in boxes if not _give_box(box, boxes, things)]
    found = [*things, *alone]
    if found:
        found[0].rules += rules
    return found


def _points(
    raw: dict[str, Any], label: str, labels: _Labels, where: str
) -> dict[str, tuple[float, float, float]]:
    if label not in labels.points:
        raise BadInputError(
            f"keypoints of label {label!r}, which have no names",
            where=where,
            expected="categories.points.items of it",
            todo="if each keypoint has a label of its own, export in CVAT's own format and convert that",
        )
    names = labels.points[label].keypoints
    places = as_numbers(raw.get("points"), "points", where, 2 * len(names)).reshape(-1, 2).tolist()
    shown = as_numbers(raw.get("visibility", [2] * len(names)), "visibility", where, len(names)).tolist()
    hidden = _occluded(raw)
    return {
        n: (x, y, 1 if hidden and v == 2 else v) for n, (x, y), v in zip(names, places, shown, strict=True)
    }


def _skeleton(
    raw: dict[str, Any], label: str, labels: _Labels, where: str
) -> dict[str, tuple[float, float, float]]:
    found: dict[str, tuple[float, float, float]] = {}
    for i, value in enumerate(as_list(raw.get("elements"), "elements", where)):
        place = f"{where}.elements[{i}]"
        element = as_dict(value, "element", place)
        name = _name_of(element.get("label_id"), labels.names, place)
        if label not in labels.points or name not in labels.points[label].keypoints or name in found:
            raise BadInputError(
                f"keypoint {name!r} {'occurs twice' if name in found else 'is not in its skeleton'}",
                where=place, expected=", ".join(labels.points[label].keypoints) if label in labels.points else label,
            )  # fmt: skip
        x, y = as_numbers(element.get("points"), "points", place, 2).tolist()
        shown = as_numbers(element.get("visibility", [2]), "visibility", place, 1).tolist()[0]
        found[name] = x, y, 1 if shown == 2 and (_occluded(element) or _occluded(raw)) else shown
    return found


def _occluded(raw: dict[str, Any]) -> bool:
    attributes = raw.get("attributes")
    return isinstance(attributes, dict) and attributes.get("occluded") is True


def _give_box(box: _Thing, boxes: list[_Thing], things: list[_Thing]) -> bool:
    """Give a box to the keypoints that it belongs to; tell whether there are any."""
    if box.group:
        own = [thing for thing in things if thing.group == box.group]
        if len(own) > 1 or any(thing.box for thing in own):
            raise BadInputError(
                "a group with two boxes or two sets of keypoints", where=box.where, found=f"group {box.group}",
                todo="give each instance its own group",
            )  # fmt: skip
    else:
        own = [thing for thing in things if not thing.group and _smallest(thing, boxes) is box]
        if len(own) > 1:
            raise BadInputError(
                "two sets of keypoints in one box", where=box.where, expected="one", found=str(len(own)),
                todo="group each with its own box",
            )  # fmt: skip
    for thing in own:
        thing.box = box.box
    return bool(own)


def _smallest(thing: _Thing, boxes: list[_Thing]) -> _Thing | None:
    shown = [(x, y) for x, y, v in thing.points.values() if v]
    around = [
        ((c[2] - c[0]) * (c[3] - c[1]), i)
        for i, box in enumerate(boxes)
        if not box.group and box.label == thing.label and shown and (c := box.box) is not None
        and all(c[0] <= x <= c[2] and c[1] <= y <= c[3] for x, y in shown)
    ]  # fmt: skip
    return boxes[min(around)[1]] if around else None


def _record(image: ImageInfo, thing: _Thing, schema: KeypointSchema, path: Path, margin: float) -> PoseRecord:
    points = np.array([thing.points.get(name, (0.0, 0.0, 0.0)) for name in schema.keypoints])
    return build_record(
        image, points, source=path, where=thing.where, margin=margin, category=thing.label, rules=thing.rules,
        box=None if thing.box is None else np.array(thing.box),
    )  # fmt: skip


def _files(source: Path, limit: int | None = None) -> list[Path]:
    folder = source / "annotations" if (source / "annotations").is_dir() else source
    found = []
    for path in annotation_files(folder, (".json",))[:limit]:
        text = "".join(first_text(path).split())
        if (
            text.startswith("{")
            and '"categories":{' in text
            and ('"items":[' in text or '"dm_format_version"' in text)
        ):
            found.append(path)
    return found
