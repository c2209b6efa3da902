"""CVAT for images 1.1 and CVAT for video 1.1: one XML file for many images.

- A ``<skeleton>`` is an instance of the category of its label; the points inside it are its keypoints. Those with
  ``outside="1"`` are absent, those with ``occluded="1"`` have visibility 1. A box belongs to it only by
  ``group_id``, and then gets its category, even if all of its points are absent.
- A ``<points>`` shape with one point is a keypoint named by its label; ``grouping`` combines such points by
  ``group_id`` or box. If a label's shapes have n > 1 points, each shape is an instance with the keypoints
  ``LABEL_1 … LABEL_n``.
- A ``<box>`` is a box and its label the category; a turned box is replaced by the upright one around it.
- Other shapes are ignored and counted.

In a video, each ``<track>`` has a shape's position in each frame; CVAT writes the frames between keyframes too, so
nothing is interpolated here. ``outside="1"`` ends a track until it appears again. Frame n is the image ``frame_%06d``.
A task of images can be exported as a video too: then, where there are as many images as the task has frames, frame n is
image n in the order of their names.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree

from kpplugins.data import ImageInfo
from kpplugins.data.annotation_set import UNLABELLED, AnnotationSet
from kpplugins.data.grouping import (
    DrawnBox,
    DrawnKeypoint,
    Page,
    assemble,
    corners_of_sides,
    group_shapes,
    ignored_shapes,
)
from kpplugins.data.images import SUFFIXES
from kpplugins.data.parsing.documents import load_xml
from kpplugins.data.parsing.image_files import below, measure_image
from kpplugins.data.parsing.image_folder import ImageFolder
from kpplugins.data.parsing.notes import Notes
from kpplugins.data.parsing.text import annotation_files, sniff
from kpplugins.data.parsing.values import as_name, as_size, parse_number
from kpplugins.data.record_builder import MARGIN
from kpplugins.formats.cvat.labels import SkeletonLabel, skeleton_labels, used
from kpplugins.structures import BadInputError

_SHAPES = ("skeleton", "points", "box", "polygon", "polyline", "mask", "ellipse", "cuboid")
_IMAGES = "images"
_EXPORT_HINT = "export from CVAT with 'save images', or name the folder of the images"


@dataclass(frozen=True)
class _Shape:
    """One drawn thing in one image; in a video its label and group are those of its track."""

    element: ElementTree.Element
    label: str
    group: str
    where: str


@dataclass
class _File:
    """One CVAT file while it is read: where its images are, and what its labels mean."""

    path: Path
    folder: ImageFolder
    skeletons: dict[str, SkeletonLabel]
    negatives: bool = False
    whole: dict[str, int] = field(default_factory=dict)


def is_cvat(source: Path) -> bool:
    """Tell whether a source looks like a CVAT 1.1 XML file, or a folder with one; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    return any(
        "<annotations" in text and any(f"<{tag}" in text for tag in ("meta", "image ", "track "))
        for text in sniff(source, (".xml",))
    )


def read_cvat(
    source: Path,
    *,
    images: Path | None = None,
    margin: float = MARGIN,
    rescale: bool = False,
    negatives: bool = False,
    skip_bad: bool = False,
) -> AnnotationSet:
    """Read a CVAT XML file, or every one in a folder.

    Args:
        source: the file, or a folder with ``annotations.xml`` (any ``*.xml``) and ``images``.
        images: where the images or frames are; ``None`` looks in ``images`` beside the file, then beside it.
        margin: of derived boxes, see ``record_builder``.
        rescale: see ``measure_image``.
        negatives: frames of a video that no track mentions are backgrounds; otherwise nobody labelled them.
        skip_bad: skip bad images and log how many and why, instead of stopping at the first.

    Returns:
        One record per instance. An image without shapes, and a frame that tracks mention only as outside, is a
        background; frames that no track mentions are left out, which is counted. Points of all labels are
        one schema; the skeleton's lines are CVAT's.

    Raises:
        BadInputError: nothing is there, or something is bad and ``skip_bad`` is false.
    """
    files = annotation_files(source, (".xml",))
    if not files:
        raise BadInputError(
            "no CVAT file here", where=str(source), expected="annotations.xml", todo="unpack CVAT's export"
        )
    pages: list[Page] = []
    faults: list[BadInputError] = []
    skeletons: list[SkeletonLabel] = []
    notes = Notes()
    for path in files:
        try:
            if images is None:
                below(path.parent, path.name, str(path))
            folder = (
                ImageFolder(path.parent, [_IMAGES, ""], rescale=rescale) if images is None
                else ImageFolder(images, search=True, rescale=rescale)
            )  # fmt: skip
            file = _File(path, folder, {}, negatives)
            skeletons += _read_file(file, pages, faults, notes)
            notes.say(*folder.notes)
        except BadInputError as fault:
            faults.append(fault)
    lines = {frozenset(line): line for label in skeletons for line in label.lines}
    return assemble(
        source,
        pages,
        faults,
        margin=margin,
        skip_bad=skip_bad,
        names=[name for label in skeletons for name in label.points],
        skeleton=list(lines.values()),
        notes=notes,
    )


def _read_file(
    file: _File, pages: list[Page], faults: list[BadInputError], notes: Notes
) -> list[SkeletonLabel]:
    """Append the pages, faults and notes of one file; return the skeletons that it uses."""
    path = file.path
    root = load_xml(path)
    if root.tag != "annotations":
        raise BadInputError(
            "not a CVAT file", where=str(path), expected="<annotations>", found=f"<{root.tag[:40]}>"
        )
    file.skeletons = skeleton_labels(root, str(path), notes)
    file.whole = _whole_labels(root)
    for i, image in enumerate(root.findall("image")):
        where = f"{path} image[{i}]"
        try:
            pages.append(_image_page(image, file, where))
        except BadInputError as fault:
            faults.append(fault)
    if root.find("track") is not None:
        _read_video(root, file, pages, faults, notes)
    return used(file.skeletons, {e.get("label", "") for e in _skeleton_users(root)})


def _skeleton_users(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """Yield the elements whose label may be that of a skeleton."""
    for parent in root.iter():
        if parent.find("skeleton") is not None:
            yield from [parent] if parent.tag == "track" else parent.findall("skeleton")


def _whole_labels(root: ElementTree.Element) -> dict[str, int]:
    """Return the labels whose ``<points>`` shapes have more than one point, with the largest number."""
    most: dict[str, int] = {}
    for parent in [*root.findall("image"), *root.findall("track")]:
        for shape in parent.findall("points"):
            label = (shape if parent.tag == "image" else parent).get("label", "").strip()
            most[label] = max(most.get(label, 0), shape.get("points", "").count(";") + 1)
    return {label: count for label, count in most.items() if count > 1}


def _image_page(node: ElementTree.Element, file: _File, where: str) -> Page:
    name = node.get("name", "")
    subset = node.get("subset", "").strip()
    bases = [f"{base}/{subset}".lstrip("/") for base in file.folder.bases if subset] + [*file.folder.bases]
    declared = None
    if node.get("width") is not None or node.get("height") is not None:
        width, height = (parse_number(node.get(side), side, where) for side in ("width", "height"))
        declared = as_size(width, height, where)
    image = file.folder.find(name, where, bases=bases, declared=declared, todo=_EXPORT_HINT)
    shapes = [
        _Shape(
            element,
            element.get("label", ""),
            _group(element),
            f"{where} {image.path.name} {element.tag}[{i}]",
        )
        for i, element in enumerate(node)
        if element.tag in _SHAPES
    ]
    return _page(shapes, image, file, where)


def _read_video(
    root: ElementTree.Element,
    file: _File,
    pages: list[Page],
    faults: list[BadInputError],
    notes: Notes,
) -> None:
    """Append one page a frame that tracks mention, and faults for frames that are not images; count the others."""
    images = _frame_images(file) or _task_images(root, file, notes)
    frames, broken = _shapes_by_frame(root, file, set(images), faults)
    if not images:
        raise BadInputError(
            "no frames of the video here",
            where=str(file.path),
            expected=f"{_IMAGES}/frame_000000.png (or .jpg …) and so on",
            todo=f"{_EXPORT_HINT}, or: ffmpeg -i VIDEO -start_number 0 {_IMAGES}/frame_%06d.png",
        )
    silent = set() if file.negatives else set(images) - set(frames) - broken
    notes.count(UNLABELLED, len(silent))
    declared = None
    size = root.find("./meta//original_size")
    for number in sorted((set(frames) | set(images)) - broken - silent):
        where = f"{file.path} frame {number}"
        try:
            if size is not None:
                width, height = (parse_number(size.findtext(s), s, where) for s in ("width", "height"))
                declared = as_size(width, height, where)
            if number not in images:
                raise BadInputError(
                    "image is missing", where=where, expected=f"frame_{number:06d}", todo=_EXPORT_HINT
                )
            path = below(file.folder.root, str(images[number].relative_to(file.folder.root)), where)
            image = measure_image(path, where, declared, file.folder.rescale)
            pages.append(_page(frames.get(number, []), image, file, where))
        except BadInputError as fault:
            faults.append(fault)


def _shapes_by_frame(
    root: ElementTree.Element, file: _File, images: set[int], faults: list[BadInputError]
) -> tuple[dict[int, list[_Shape]], set[int]]:
    """Return the shapes shown in each frame that a track mentions, and the frames that a bad track touches.

    A shape whose frame cannot be read may belong to any frame that its track does not mention.
    """
    frames: dict[int, list[_Shape]] = {}
    broken: set[int] = set()
    for t, track in enumerate(root.findall("track")):
        where = f"{file.path} track[{t}]"
        seen: set[int] = set()
        lost = False
        for i, element in enumerate(e for e in track if e.tag in _SHAPES):
            try:
                number = _frame_number(element, f"{where} {element.tag}[{i}]")
            except BadInputError as fault:
                faults.append(fault)
                lost = True
                continue
            if number in seen:
                faults.append(BadInputError("frame occurs twice in a track", where=where, found=str(number)))
                broken.add(number)
                continue
            seen.add(number)
            shown = frames.setdefault(number, [])
            if not _is_on(element, "outside"):
                place = f"{file.path} frame {number} track[{t}]"
                group = _group(element) or _group(track)
                shown.append(_Shape(element, track.get("label", element.get("label", "")), group, place))
        broken |= images - seen if lost else set()
    return frames, broken


def _frame_number(element: ElementTree.Element, where: str) -> int:
    number = parse_number(element.get("frame"), "frame", where)
    if number < 0 or number != int(number):
        raise BadInputError("frame is wrong", where=where, expected="0, 1, 2, …", found=f"{number:g}")
    return int(number)


def _frame_images(file: _File) -> dict[int, Path]:
    """Return the images called ``frame_N`` by N, in the first folder that has any."""
    for base in file.folder.bases:
        folder = file.folder.root / base
        files = annotation_files(folder, SUFFIXES) if folder.is_dir() else []
        numbers = [(p.stem.removeprefix("frame_"), p) for p in files if p.stem.startswith("frame_")]
        found = {int(n): p for n, p in numbers if n.isascii() and n.isdigit() and len(n) <= 9}
        if found:
            return found
    return {}


def _task_images(root: ElementTree.Element, file: _File, notes: Notes) -> dict[int, Path]:
    """Return the images of a task of images by frame, where they are as many as its frames."""
    start = root.findtext("./meta/job/start_frame", "0").strip()
    first = int(start) if start.isdecimal() else 0
    for base in file.folder.bases:
        folder = file.folder.root / base
        files = annotation_files(folder, SUFFIXES, deep=True) if folder.is_dir() else []
        size = root.findtext("./meta//size", "")
        if files and str(len(files)) == size.strip():
            parts = [re.split(r"([0-9]+)", p.as_posix()) for p in files]
            numbered = sorted(parts, key=lambda part: [int(t) if i % 2 else t for i, t in enumerate(part)])
            if numbered != sorted(parts, key="".join):
                raise BadInputError(
                    "the order of the task's images is not known", where=str(file.path),
                    expected="names that sort alike by letters and by numbers",
                    found=f"{files[0].name}, {files[1].name}, …",
                    todo="export as 'CVAT for images 1.1', which names them",
                )  # fmt: skip
            notes.say(
                f"{file.path}: frames {first} to {first + len(files) - 1} are the images in the order of their names, "
                f"{files[0].name} to {files[-1].name}"
            )
            return dict(enumerate(files, first))
    return {}


def _page(shapes: list[_Shape], image: ImageInfo, file: _File, where: str) -> Page:
    keypoints: list[DrawnKeypoint] = []
    boxes: list[DrawnBox] = []
    ignored: list[str] = []
    categories = {s.group: s.label.strip() for s in shapes if s.element.tag == "skeleton" and s.group}
    for i, shape in enumerate(shapes):
        kind = shape.element.tag
        if kind == "skeleton":
            keypoints += _skeleton_keypoints(shape, f"\0skeleton {i}")
        elif kind == "points":
            keypoints += _points_keypoints(shape, file.whole, f"\0points {i}")
        elif kind == "box":
            box = _box(shape)
            boxes.append(replace(box, category=categories.get(shape.group, box.category)))
        else:
            ignored.append(kind)
    usable = bool(keypoints or boxes) or any(s.element.tag == "skeleton" for s in shapes)
    rules = ignored_shapes(ignored, usable, where)
    return Page(image, file.path, where, group_shapes(keypoints, boxes, where), rules)


def _skeleton_keypoints(shape: _Shape, key: str) -> list[DrawnKeypoint]:
    label = as_name(shape.label, "label", shape.where)
    keypoints = []
    for i, point in enumerate(shape.element.findall("points")):
        where = f"{shape.where} points[{i}]"
        name = as_name(point.get("label"), "label", where)
        (x, y), *more = _coordinates(point, where)
        if more:
            raise BadInputError(
                "point of a skeleton has several positions", where=where, todo="annotate it again"
            )
        if not _is_on(point, "outside"):
            occluded = _is_on(point, "occluded") or _is_on(shape.element, "occluded")
            keypoints.append(DrawnKeypoint(name, x, y, occluded, shape.group or key, label))
    return keypoints


def _points_keypoints(shape: _Shape, whole: dict[str, int], key: str) -> list[DrawnKeypoint]:
    label = as_name(shape.label, "label", shape.where)
    positions = _coordinates(shape.element, shape.where)
    occluded = _is_on(shape.element, "occluded")
    if label not in whole:
        return [DrawnKeypoint(label, *positions[0], occluded, shape.group)]
    if len(positions) != whole[label]:
        raise BadInputError(
            f"points shape {label!r} has another number of points",
            where=shape.where,
            expected=f"{whole[label]} as elsewhere",
            found=str(len(positions)),
            todo="annotate it again, or use a skeleton where points may be absent",
        )
    return [
        DrawnKeypoint(f"{label}_{n}", *position, occluded, shape.group or key, label)
        for n, position in enumerate(positions, 1)
    ]


def _coordinates(element: ElementTree.Element, where: str) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in (element.get("points") or "").split(";")]
    if any(len(pair) != 2 for pair in pairs):
        raise BadInputError(
            "points are wrong",
            where=where,
            expected="x,y;x,y;…",
            found=ascii((element.get("points") or "")[:60]),
            todo="export it again from CVAT",
        )
    return [(parse_number(x, "x", where), parse_number(y, "y", where)) for x, y in pairs]


def _box(shape: _Shape) -> DrawnBox:
    sides = {
        side: parse_number(shape.element.get(side), side, shape.where)
        for side in ("xtl", "ytl", "xbr", "ybr")
    }
    degrees = parse_number(shape.element.get("rotation", "0"), "rotation", shape.where)
    width, height = sides["xbr"] - sides["xtl"], sides["ybr"] - sides["ytl"]
    corners = corners_of_sides(
        sides["xtl"], sides["ytl"], width, height, shape.where, degrees=degrees, centred=True
    )
    return DrawnBox(corners, as_name(shape.label, "label", shape.where), shape.group)


def _group(element: ElementTree.Element) -> str:
    """Return CVAT's group number of a shape as text; 0 means no group."""
    group = element.get("group_id", "").strip()
    return "" if group == "0" else group


def _is_on(element: ElementTree.Element, name: str) -> bool:
    return element.get(name, "0").strip().lower() in ("1", "true")
