"""LabelMe: one JSON file per image, with points, rectangles and polygons.

``{"imagePath": "a.jpg", "imageWidth": 640, "imageHeight": 480, "shapes": [{"label": "nose", "points": [[x, y]],
"shape_type": "point", "group_id": 1, "flags": {}, "description": ""}, …]}``. Points are keypoints; rectangles, or
polygons where a group has no rectangle, are boxes and their label is the category; ``grouping`` combines them by
``group_id``. A point with the flag or the description ``occluded``, or with X-AnyLabeling's ``"difficult": true``, has
visibility 1. Other shapes are
ignored and counted. Images embedded as ``imageData`` are not decoded.
"""

from pathlib import Path
from typing import Any

from kpplugins.data import ImageInfo
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.grouping import (
    DrawnBox,
    DrawnKeypoint,
    Page,
    assemble,
    corners_around,
    group_shapes,
    ignored_shapes,
)
from kpplugins.data.images import SUFFIXES
from kpplugins.data.parsing.documents import load_json
from kpplugins.data.parsing.image_files import below
from kpplugins.data.parsing.image_folder import ImageFolder
from kpplugins.data.parsing.notes import Notes
from kpplugins.data.parsing.text import annotation_files, sniff
from kpplugins.data.parsing.values import as_dict, as_list, as_name, as_number, as_size
from kpplugins.data.record_builder import MARGIN
from kpplugins.structures import BadInputError

_OCCLUDED = ("occluded", "difficult")
_FEWEST_CORNERS = {"rectangle": 2, "polygon": 3}


def is_labelme(source: Path) -> bool:
    """Tell whether a source looks like LabelMe files; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    return any(
        text.startswith("{") and '"shapes"' in text and ('"imagePath"' in text or '"imageHeight"' in text)
        for text in sniff(source, (".json",)) or _sniff_subfolders(source)
    )


def read_labelme(
    source: Path,
    *,
    images: Path | None = None,
    margin: float = MARGIN,
    rescale: bool = False,
    skip_bad: bool = False,
) -> AnnotationSet:
    """Read every LabelMe file below ``source``, sorted by name.

    Args:
        source: a folder with JSON files, or one such file. ``imagePath`` is relative to its JSON file and may not
            leave the folder.
        images: where the images are instead.
        margin: of derived boxes, see ``record_builder``.
        rescale: see ``measure_image``.
        skip_bad: skip bad files and log how many and why, instead of stopping at the first.

    Returns:
        One record per instance; a file without shapes is a background.

    Raises:
        BadInputError: nothing is there, or a file is bad and ``skip_bad`` is false. An image without a JSON file
            counts as bad: nobody has said that it is empty.
    """
    root = source if source.is_dir() else source.parent
    files = annotation_files(source, (".json",), deep=True)
    if not files:
        raise BadInputError(
            "no LabelMe files here",
            where=str(source),
            expected="NAME.json beside each image",
            todo="save the annotations of LabelMe there",
        )
    pages, faults, named, unread = [], [], set(), []
    folder = ImageFolder(images or root, search=images is not None, rescale=rescale)
    for file in files:
        try:
            below(root, str(file.relative_to(root)), str(file))
            raw = as_dict(load_json(file), "the file", str(file))
            base = "" if images is not None else file.parent.relative_to(root).as_posix()
            image = _image_of(raw, folder, base, file)
            named.add(image.path)
            pages.append(_read_one(raw, image, file))
        except BadInputError as fault:
            faults.append(fault)
            unread.append(file)
    if source.is_dir():
        faults += _unannotated(source, unread, named)
    notes = Notes()
    notes.say(*folder.notes)
    return assemble(source, pages, faults, margin=margin, skip_bad=skip_bad, notes=notes)


def _sniff_subfolders(source: Path) -> list[str]:
    """Read the beginning of the first file in each of the first subfolders, up to two levels down."""
    try:
        folders = [p for depth in ("*", "*/*") for p in sorted(source.glob(depth)) if p.is_dir()]
    except OSError:
        return []
    return [text for folder in folders[:20] for text in sniff(folder, (".json",), limit=1)]


def _image_of(raw: dict[str, Any], folder: ImageFolder, base: str, file: Path) -> ImageInfo:
    if "shapes" not in raw:
        raise BadInputError(
            "not a LabelMe file",
            where=str(file),
            expected="'shapes' and 'imagePath'",
            found=f"keys {ascii(list(raw)[:5])}",
            todo="move it elsewhere",
        )
    name = raw.get("imagePath")
    if not isinstance(name, str):
        as_name(name, "imagePath", str(file))
    cure = "put it there, or correct 'imagePath'"
    if raw.get("imageData"):
        cure = "the file embeds it as 'imageData': write it out with labelme_export_json"
    declared = None
    if raw.get("imageWidth") is not None and raw.get("imageHeight") is not None:
        declared = as_size(raw["imageWidth"], raw["imageHeight"], str(file))
    return folder.find(str(name), str(file), bases=[base], declared=declared, todo=cure)


def _read_one(raw: dict[str, Any], image: ImageInfo, file: Path) -> Page:
    keypoints: list[DrawnKeypoint] = []
    boxes: list[DrawnBox] = []
    ignored: list[str] = []
    for i, shape in enumerate(as_list(raw["shapes"], "'shapes'", str(file))):
        where = f"{file} shapes[{i}]"
        shape = as_dict(shape, "shape", where)
        kind = as_name(shape.get("shape_type", "polygon"), "shape_type", where)
        if kind == "point":
            keypoints.append(_keypoint(shape, where))
        elif kind in _FEWEST_CORNERS:
            points = _points(shape, where)
            if len(points) < _FEWEST_CORNERS[kind]:
                raise BadInputError(f"{kind} has too few points", where=where, todo="draw it again")
            label = as_name(shape.get("label"), "label", where)
            corners = corners_around(points, where)
            boxes.append(DrawnBox(corners, label, _group(shape, where), exact=kind == "rectangle"))
        else:
            ignored.append(kind)
    rules = ignored_shapes(ignored, bool(keypoints or boxes), str(file))
    return Page(image, file, str(file), group_shapes(keypoints, boxes, str(file)), rules)


def _keypoint(shape: dict[str, Any], where: str) -> DrawnKeypoint:
    points = _points(shape, where)
    if len(points) != 1:
        raise BadInputError(
            "point shape must have one point", where=where, expected="[[x, y]]", found=f"{len(points)} points"
        )
    flags = as_dict(shape.get("flags") or {}, "flags", where)
    description = shape.get("description")
    said = isinstance(description, str) and description.strip().lower() in _OCCLUDED
    flags = {**flags, "difficult": shape.get("difficult", flags.get("difficult"))}
    flagged = any(name.strip().lower() in _OCCLUDED and value is True for name, value in flags.items())
    name = as_name(shape.get("label"), "label", where)
    return DrawnKeypoint(name, *points[0], occluded=said or flagged, group=_group(shape, where))


def _points(shape: dict[str, Any], where: str) -> list[tuple[float, float]]:
    points = []
    for point in as_list(shape.get("points"), "points", where):
        pair = as_list(point, "point", where)
        if len(pair) != 2:
            raise BadInputError("point is wrong", where=where, expected="[x, y]", found=ascii(pair)[:60])
        points.append((as_number(pair[0], "x", where), as_number(pair[1], "y", where)))
    return points


def _group(shape: dict[str, Any], where: str) -> str:
    group = shape.get("group_id")
    if group is None or group == "":
        return ""
    if isinstance(group, bool) or not isinstance(group, int | str):
        raise BadInputError(
            "group_id is wrong", where=where, expected="a whole number or none", found=ascii(group)[:60]
        )
    return str(group)


def _unannotated(source: Path, unread: list[Path], named: set[Path]) -> list[BadInputError]:
    """Return faults for images without a file, as in ``cat``; an unread file counts for the image of the same name."""
    stems = {file.with_suffix("") for file in unread}
    return [
        BadInputError(
            "image without annotation",
            where=str(path),
            expected=path.with_suffix(".json").name,
            todo="annotate it or move it elsewhere",
        )
        for path in annotation_files(source, SUFFIXES, deep=True)
        if path not in named and path.with_suffix("") not in stems
    ]
