"""VGG Image Annotator: a project of 1.x, 2.x or 3.x, or the JSON or CSV that 1.x and 2.x export.

Regions of the shape ``point`` are keypoints, ``rect`` and ``polygon`` are boxes, the others are ignored and counted.
The meaning of a region is in its attributes, whose names differ between projects:

- a keypoint's name is the attribute ``name``, ``keypoint``, ``label`` or ``part``, the first that all points of the
  file have; else the only other attribute that they all have;
- the instance is the attribute ``instance``, ``instance_id``, ``group_id`` or ``id``, where there is one; without,
  ``grouping`` combines points and boxes;
- the category is a box's ``category``, ``class``, ``label``, ``name`` or ``type``;
- a point whose attribute ``occluded`` or ``difficult`` is true (``true``, ``yes``, ``1`` or a ticked box) has
  visibility 1.

Attribute names are not case-sensitive.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.grouping import (
    DrawnBox,
    DrawnKeypoint,
    Page,
    assemble,
    corners_around,
    corners_of_sides,
    group_shapes,
    ignored_shapes,
)
from kpplugins.data.parsing.documents import load_json, parse_json
from kpplugins.data.parsing.image_files import below
from kpplugins.data.parsing.image_folder import ImageFolder
from kpplugins.data.parsing.notes import Notes
from kpplugins.data.parsing.text import annotation_files, read_text, sniff
from kpplugins.data.parsing.values import as_dict, as_list, as_name, as_number
from kpplugins.data.record_builder import MARGIN
from kpplugins.formats.via3 import as_via2, is_via3_project
from kpplugins.structures import BadInputError

_COLUMNS = (
    "filename", "file_size", "file_attributes", "region_count",
    "region_id", "region_shape_attributes", "region_attributes",
)  # fmt: skip
_NAME_KEYS = ("name", "keypoint", "label", "part")
_GROUP_KEYS = ("instance", "instance_id", "group_id", "id")
_CATEGORY_KEYS = ("category", "class", "label", "name", "type")
_OCCLUDED = ("occluded", "difficult")
_TRUE = ("true", "yes", "1", "occluded", "difficult")


@dataclass(frozen=True)
class _Region:
    kind: str
    shape: dict[str, Any]
    attributes: dict[str, Any]
    where: str

    def first(self, keys: Sequence[str]) -> str:
        """Return the first attribute among ``keys`` that is not empty, as text."""
        return next((said for key in keys if (said := _said(self.attributes.get(key), self.where))), "")


@dataclass
class _Entry:
    """One image's regions, from JSON or CSV alike; ``fault`` is what was wrong with them."""

    filename: str
    where: str
    regions: list[_Region] = field(default_factory=list)
    fault: BadInputError | None = None


def is_via(source: Path) -> bool:
    """Tell whether a source looks like a project or an export of VIA; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    json_like = any(
        text.startswith("{")
        and (
            '"_via_' in text
            or ('"project"' in text and '"vid_list"' in text)
            or '"shape_attributes"' in text
            or ('"filename"' in text and '"regions"' in text)
        )
        for text in sniff(source, (".json",))
    )
    return json_like or any(
        text.lstrip("#").replace('"', "").startswith(",".join(_COLUMNS[:3]))
        for text in sniff(source, (".csv",))
    )


def read_via(
    source: Path, *, images: Path | None = None, margin: float = MARGIN, skip_bad: bool = False
) -> AnnotationSet:
    """Read a VIA file, or every one in a folder.

    Args:
        source: a JSON or CSV file, or a folder with one. The same project as JSON and as CSV counts as annotated twice.
        images: where the images are; ``None`` looks beside the file, in ``images``, then in the project's
            ``default_filepath`` where that is relative.
        margin: of derived boxes, see ``record_builder``.
        skip_bad: skip bad images and log how many and why, instead of stopping at the first.

    Returns:
        One record per instance; an image without regions is a background.

    Raises:
        BadInputError: nothing is there, or something is bad and ``skip_bad`` is false.
    """
    files = annotation_files(source, (".json", ".csv"))
    if not files:
        raise BadInputError(
            "no VIA file here", where=str(source), expected="a JSON or CSV file", todo="export from VIA"
        )
    pages: list[Page] = []
    faults: list[BadInputError] = []
    notes = Notes()
    for path in files:
        try:
            if images is None:
                below(path.parent, path.name, str(path))
            entries, bases = _entries(path)
            key = _name_key([r for e in entries for r in e.regions if r.kind == "point"], str(path))
        except BadInputError as fault:
            faults.append(fault)
            continue
        folder = ImageFolder(path.parent, bases) if images is None else ImageFolder(images, search=True)
        for entry in entries:
            try:
                pages.append(_page(entry, key, folder, path))
            except BadInputError as fault:
                faults.append(fault)
        notes.say(*folder.notes)
    return assemble(source, pages, faults, margin=margin, skip_bad=skip_bad, notes=notes)


def _entries(path: Path) -> tuple[list[_Entry], list[str]]:
    """Read the images of a file, and the folders that they may be in."""
    bases = ["", "images"]
    if path.suffix.lower() == ".csv":
        return _csv_entries(path), bases
    raw = as_dict(load_json(path), "the file", str(path))
    if is_via3_project(raw):
        return [
            _Entry("", where, fault=entry) if isinstance(entry, BadInputError) else _json_entry(entry, where)
            for where, entry in as_via2(raw, str(path))
        ], bases
    if "_via_img_metadata" in raw:
        core = raw.get("_via_settings")
        for key in ("core", "default_filepath"):
            core = core.get(key) if isinstance(core, dict) else None
        if isinstance(core, str) and core.strip() and not core.startswith(("/", "\\")) and ":" not in core:
            bases.append(core.strip().replace("\\", "/").rstrip("/"))
        raw = as_dict(raw["_via_img_metadata"], "'_via_img_metadata'", str(path))
    return [_json_entry(value, f"{path} {key[:80]!a}") for key, value in raw.items()], bases


def _json_entry(value: Any, where: str) -> _Entry:
    entry = _Entry("", where)
    try:
        raw = as_dict(value, "image", where)
        entry.filename = as_name(raw.get("filename"), "filename", where)
        regions = raw.get("regions")
        if isinstance(regions, dict):  # 1.x numbers them by keys
            regions = list(regions.values())
        for i, region in enumerate(as_list(regions, "regions", where)):
            place = f"{where} regions[{i}]"
            region = as_dict(region, "region", place)
            entry.regions.append(
                _region(region.get("shape_attributes"), region.get("region_attributes"), place)
            )
    except BadInputError as fault:
        entry.fault = fault
    return entry


def _csv_entries(path: Path) -> list[_Entry]:
    """Read the rows, grouped by image; a bad row makes its image bad."""
    reader = csv.reader(io.StringIO(read_text(path).lstrip("#"), newline=""), strict=True)
    entries: dict[tuple[str, ...], _Entry] = {}
    try:
        header = tuple(column.strip() for column in next(reader))
        if header != _COLUMNS:
            raise BadInputError(
                "not a VIA CSV file",
                where=f"{path}:1",
                expected=",".join(_COLUMNS),
                found=ascii(header)[:120],
            )
        for row in reader:
            where = f"{path}:{reader.line_num}"
            entry = entries.setdefault(tuple(row[:2]), _Entry(row[0] if row else "", where))
            try:
                _add_row(entry, row, where)
            except BadInputError as fault:
                entry.fault = entry.fault or fault
    except (csv.Error, StopIteration) as error:
        raise BadInputError(
            f"not valid CSV ({error})", where=f"{path}:{reader.line_num}", todo="export it again from VIA"
        ) from error
    return list(entries.values())


def _add_row(entry: _Entry, row: list[str], where: str) -> None:
    if len(row) != len(_COLUMNS):
        raise BadInputError(
            "row has another number of columns", where=where, expected=str(len(_COLUMNS)), found=str(len(row))
        )
    as_name(entry.filename, "filename", where)
    shape = parse_json(row[5] or "{}", f"{where} region_shape_attributes")
    attributes = parse_json(row[6] or "{}", f"{where} region_attributes")
    if shape != {} or row[3].strip() != "0":
        entry.regions.append(_region(shape, attributes, where))


def _region(shape: Any, attributes: Any, where: str) -> _Region:
    attributes = as_dict(attributes, "region_attributes", where)
    shape = as_dict(shape, "shape_attributes", where)
    kind = as_name(shape.get("name"), "shape", where)
    return _Region(kind, shape, {key.strip().lower(): v for key, v in attributes.items()}, where)


def _said(value: Any, where: str) -> str:
    """Return an attribute as text: a text, a number, or the only ticked option of a checkbox group."""
    if isinstance(value, dict):
        ticked = [key for key, on in value.items() if on is True]
        value = ticked[0] if len(ticked) == 1 else None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return as_name(value, "attribute", where) if isinstance(value, str) and value.strip() else ""


def _name_key(points: list[_Region], where: str) -> str:
    """Return the attribute that names keypoints; empty if there are no points."""
    if not points:
        return ""
    in_all = [key for key in points[0].attributes if all(p.first([key]) for p in points)]
    for key in _NAME_KEYS:
        if key in in_all:
            return key
    others = [key for key in in_all if key not in (*_GROUP_KEYS, _OCCLUDED)]
    if len(others) == 1:
        return others[0]
    for key in _NAME_KEYS:  # some points lack it: a fault of their images only
        if any(p.first([key]) for p in points):
            return key
    raise BadInputError(
        "points have no name",
        where=where,
        expected=f"an attribute called {', '.join(_NAME_KEYS[:-1])} or {_NAME_KEYS[-1]} in every point",
        found=f"attributes {ascii(others)}"[:120] if others else "no attribute that all points have",
        todo="name the points in VIA by such a region attribute",
    )


def _page(entry: _Entry, key: str, folder: ImageFolder, source: Path) -> Page:
    if entry.fault is not None:
        raise entry.fault
    image = folder.find(entry.filename, entry.where)
    keypoints: list[DrawnKeypoint] = []
    boxes: list[DrawnBox] = []
    ignored: list[str] = []
    for region in entry.regions:
        group = region.first([k for k in _GROUP_KEYS if k != key])
        if region.kind == "point":
            x, y = (as_number(region.shape.get(side), side, region.where) for side in ("cx", "cy"))
            name = as_name(region.first([key]) or None, f"attribute {key!r}", region.where)
            occluded = region.first(_OCCLUDED).lower() in _TRUE
            keypoints.append(DrawnKeypoint(name, x, y, occluded, group))
        elif region.kind in ("rect", "polygon"):
            boxes.append(_box(region, group))
        else:
            ignored.append(region.kind)
    rules = ignored_shapes(ignored, bool(keypoints or boxes), entry.where)
    return Page(image, source, entry.where, group_shapes(keypoints, boxes, entry.where), rules)


def _box(region: _Region, group: str) -> DrawnBox:
    shape, where = region.shape, region.where
    category = region.first(_CATEGORY_KEYS)
    if region.kind == "rect":
        x, y, w, h = (as_number(shape.get(side), side, where) for side in ("x", "y", "width", "height"))
        return DrawnBox(corners_of_sides(x, y, w, h, where), category, group)
    xs, ys = (as_list(shape.get(f"all_points_{axis}"), f"all_points_{axis}", where) for axis in "xy")
    if len(xs) != len(ys) or len(xs) < 3:
        raise BadInputError(
            "polygon is wrong",
            where=where,
            expected="three or more corners, as many x as y",
            found=f"{len(xs)} x and {len(ys)} y",
        )
    corners = [(as_number(x, "x", where), as_number(y, "y", where)) for x, y in zip(xs, ys, strict=True)]
    return DrawnBox(corners_around(corners, where), category, group, exact=False)
