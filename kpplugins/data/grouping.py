"""From single points and boxes to instances, and from these to an ``AnnotationSet``: what annotation tools share.

How points and boxes come together (``group_marks``):

1. points and boxes of one group are one instance. One rectangle of a group is its box; without a rectangle it is the
   box around all the group's polygons; two rectangles are a fault;
2. a point without group belongs to the smallest box that contains it, counted where there are several; two of the
   same size, or none while the image has boxes, are a fault;
3. in an image without boxes, all points without group are one instance;
4. one name twice in an instance is a fault.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from kpplugins.data.annotation_set import DERIVED_NOTE, OUTSIDE_NOTE, SCHEMA_FILE, AnnotationSet
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.pose_record import PoseRecord
from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import infer_schema
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import box_area, box_from_points, clip_box, inside_image

LONE_NOTE = "box around points without extent, a tenth of the image's longer side"
CUT_NOTE = "box reaches beyond its image, cut to it"
EMPTY_NOTE = "box without points, kept as an unlabelled instance"
SEVERAL_NOTE = "point inside several boxes, given to the smallest"

_LONE_SIDE = 0.1
"""Side of the box around a single point, as a fraction of the image's longer side."""

Corners = tuple[float, float, float, float]


@dataclass(frozen=True)
class Mark:
    """One labelled point, in (x, y) pixels, with the group and category that it names itself, if any."""

    name: str
    x: float
    y: float
    occluded: bool = False
    group: str = ""
    category: str = ""


@dataclass(frozen=True)
class BoxMark:
    """One box, xyxy pixels; ``exact`` is a drawn rectangle, otherwise it is the one around a polygon."""

    corners: Corners
    category: str = ""
    group: str = ""
    exact: bool = True


@dataclass(frozen=True)
class Instance:
    """Points of different names, and the box if one was drawn."""

    marks: tuple[Mark, ...]
    corners: Corners | None = None
    category: str = "object"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """One annotated image.

    Attributes:
        image: the file and its size.
        source: the annotation file.
        where: the annotation file and the place in it, for messages.
        instances: may be empty: a background.
        notes: rules that were applied to the whole image; the report counts them with its first instance.
    """

    image: ImageInfo
    source: Path
    where: str
    instances: tuple[Instance, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Cluster:
    marks: list[Mark] = field(default_factory=list)
    boxes: list[BoxMark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def corners_around(points: Sequence[tuple[float, float]], where: str) -> Corners:
    """The upright box around ``points``; raises BadInputError where it has no width or height."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if not points or min(xs) == max(xs) or min(ys) == max(ys):
        raise BadInputError("box has no size", where=where, todo="draw it again or delete it")
    return min(xs), min(ys), max(xs), max(ys)


def corners_of_sides(
    x: float, y: float, width: float, height: float, where: str, *, degrees: float = 0, centred: bool = False
) -> Corners:
    """The upright box around a rectangle that may be turned.

    Args:
        x: of the left side before turning.
        y: of the upper side before turning.
        width: positive.
        height: positive.
        where: for messages.
        degrees: clockwise as it is seen.
        centred: turned around the centre, else around the upper left corner.

    Raises:
        BadInputError: ``width`` or ``height`` is not positive.
    """
    if not (width > 0 and height > 0):
        raise BadInputError(
            "box has no size",
            where=where,
            expected="positive width and height",
            found=f"{width:g}×{height:g}",
            todo="draw it again or delete it",
        )
    cx, cy = (x + width / 2, y + height / 2) if centred else (x, y)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    offsets = [(a - cx, b - cy) for a in (x, x + width) for b in (y, y + height)]
    if degrees:
        return corners_around([(cx + a * cos - b * sin, cy + a * sin + b * cos) for a, b in offsets], where)
    return x, y, x + width, y + height


def group_marks(marks: Sequence[Mark], boxes: Sequence[BoxMark], where: str) -> tuple[Instance, ...]:
    """Instances of one image, boxes first, in the order of the source; the rules are the module's.

    Raises:
        BadInputError: a point that belongs nowhere or to two boxes alike, a name twice in an instance, or two
            rectangles in a group.
    """
    clusters: dict[str, _Cluster] = {}
    keys = [box.group or f"\0box {i}" for i, box in enumerate(boxes)]
    for key, box in zip(keys, boxes, strict=True):
        clusters.setdefault(key, _Cluster()).boxes.append(box)
    for mark in marks:
        key, several = (mark.group, False) if mark.group else _home(mark, boxes, keys, where)
        cluster = clusters.setdefault(key, _Cluster())
        cluster.marks.append(mark)
        cluster.notes += [SEVERAL_NOTE] * several
    return tuple(_instance(cluster, where) for cluster in clusters.values())


def _home(mark: Mark, boxes: Sequence[BoxMark], keys: list[str], where: str) -> tuple[str, bool]:
    """The key of the smallest box around a point, and whether there are others."""
    if not boxes:
        return "\0all", False
    holding = sorted(
        ((c[2] - c[0]) * (c[3] - c[1]), i)
        for i, c in enumerate(box.corners for box in boxes)
        if c[0] <= mark.x <= c[2] and c[1] <= mark.y <= c[3]
    )
    equals = {keys[i] for area, i in holding if area == holding[0][0]}
    if len(equals) == 1:
        return keys[holding[0][1]], len({keys[i] for _, i in holding}) > 1
    raise BadInputError(
        f"point {mark.name!r} lies in {'two boxes of one size' if holding else 'no box'}",
        where=where,
        expected="one smallest box around it, or a group that it shares with its box",
        found=f"({mark.x:g}, {mark.y:g})",
        todo="group the point with its box in the annotation tool, or mend the box",
    )


def _instance(cluster: _Cluster, where: str) -> Instance:
    names = [mark.name for mark in cluster.marks]
    twice = next((name for name in names if names.count(name) > 1), None)
    exact = [box for box in cluster.boxes if box.exact]
    if twice is not None or len(exact) > 1:
        raise BadInputError(
            f"point {twice!r} occurs twice in one instance"
            if twice is not None
            else "two boxes in one group",
            where=where,
            expected="every point once, and one box",
            todo="give each instance a group or a box of its own, or delete what is too much",
        )
    corners = exact[0].corners if exact else None
    if cluster.boxes and corners is None:
        sides = np.array([box.corners for box in cluster.boxes])
        low, high = sides[:, :2].min(axis=0), sides[:, 2:].max(axis=0)
        corners = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    said = [m.category for m in cluster.marks] + [b.category for b in exact + cluster.boxes]
    category = next((c for c in said if c), "object")
    return Instance(tuple(cluster.marks), corners, category, tuple(cluster.notes))


def ignored_notes(kinds: Sequence[str], usable: bool, where: str) -> tuple[str, ...]:
    """Notes on shapes that are neither points nor boxes; raises BadInputError where an image has nothing else."""
    if kinds and not usable:
        raise BadInputError(
            "image has shapes but neither keypoints nor boxes",
            where=where,
            expected="points",
            found=", ".join(sorted(set(kinds))),
            todo="label its points, or delete the shapes if the image is empty",
        )
    return tuple(f"{kind} ignored: neither a point nor a box" for kind in kinds)


def to_record(instance: Instance, page: Page, index: dict[str, int], margin: float) -> PoseRecord:
    """The record of one instance.

    Args:
        instance: what was drawn.
        page: where.
        index: the position of each name in the schema.
        margin: of a derived box, as in ``box_from_points``.

    Raises:
        BadInputError: neither a box nor a point is inside the image.
    """
    width, height = page.image.width, page.image.height
    keypoints = np.zeros((len(index), 3))
    for mark in instance.marks:
        keypoints[index[mark.name]] = mark.x, mark.y, 1 if mark.occluded else 2
    labelled = keypoints[:, 2] > 0
    inside = labelled & inside_image(keypoints[:, :2], width, height)
    keypoints[~inside] = 0
    notes = [*instance.notes, *[OUTSIDE_NOTE] * int((labelled & ~inside).sum())]
    if instance.corners is None:
        box, area, more = _derived_box(keypoints, inside, page, margin)
    else:
        box, area, more = _given_box(instance.corners, page)
        more += () if instance.marks else (EMPTY_NOTE,)
    return PoseRecord(
        image=page.image.path,
        width=width,
        height=height,
        keypoints=keypoints,
        bbox=box,
        area=area,
        source=page.source,
        notes=(*notes, *more),
        category=instance.category,
    )


def _given_box(corners: Corners, page: Page) -> tuple[np.ndarray, float, tuple[str, ...]]:
    width, height = page.image.width, page.image.height
    box = clip_box(np.array(corners, dtype=np.float64), width, height)
    if box_area(box) == 0:
        raise BadInputError(
            "box lies outside the image",
            where=page.where,
            expected=f"a box within {width}×{height}",
            found=", ".join(f"{c:g}" for c in corners),
            todo="draw it again or delete it",
        )
    cut = corners[0] < 0 or corners[1] < 0 or corners[2] > width or corners[3] > height
    return box, box_area(box), (CUT_NOTE,) * cut


def _derived_box(
    keypoints: np.ndarray, inside: np.ndarray, page: Page, margin: float
) -> tuple[np.ndarray, float, tuple[str, ...]]:
    """Box with margin, area of the box without, as in ``cat``; points without extent get a box all the same."""
    width, height = page.image.width, page.image.height
    if not inside.any():
        raise BadInputError(
            "every point lies outside the image",
            where=page.where,
            expected=f"points within {width}×{height}",
            todo="annotate it again",
        )
    tight = box_from_points(keypoints[:, :2], inside)
    box = clip_box(box_from_points(keypoints[:, :2], inside, margin), width, height)
    if box_area(box) > 0:
        return box, box_area(tight) or box_area(box), (DERIVED_NOTE,)
    half = _LONE_SIDE * max(width, height) / 2
    centre = (tight[:2] + tight[2:]) / 2
    grown = np.concatenate([np.minimum(tight[:2], centre - half), np.maximum(tight[2:], centre + half)])
    box = clip_box(grown, width, height)
    if box_area(box) == 0:
        raise BadInputError("image is too small for a box", where=page.where, found=f"{width}×{height}")
    return box, box_area(box), (DERIVED_NOTE, LONE_NOTE)


def assemble(
    source: Path,
    pages: Sequence[Page],
    faults: Sequence[BadInputError],
    *,
    margin: float,
    skip_bad: bool,
    names: Sequence[str] = (),
    skeleton: Sequence[tuple[str, str]] = (),
) -> AnnotationSet:
    """The ``AnnotationSet`` of all images of a source.

    Args:
        source: gives the schema its name.
        pages: one an image.
        faults: what could not be read.
        margin: of derived boxes.
        skip_bad: as in ``AnnotationSet.settle``.
        names: points that the source declares; those of the pages follow in the order of their first appearance. All
            follow those of the source's ``schema.json``, so that a point that is labelled nowhere keeps its place.
        skeleton: lines that the source declares.

    Raises:
        BadInputError: there is a fault and ``skip_bad`` is false, or no keypoint is left, or ``margin`` is negative.
    """
    if not 0 <= margin < math.inf:
        raise BadInputError("wrong margin", where="margin", expected="a number ≥ 0", found=str(margin))
    pages, faults = _each_image_once(pages, faults)
    path = source / SCHEMA_FILE
    stated = KeypointSchema.load(path).keypoints if path.is_file() else ()
    known = dict.fromkeys([*stated, *names, *(m.name for p in pages for i in p.instances for m in i.marks)])
    if not known:
        _refuse(source, faults, skip_bad)
    index = {name: i for i, name in enumerate(known)}
    reading = AnnotationSet(
        infer_schema(source.stem or "custom", list(known), skeleton=skeleton), faults=faults
    )
    for page in pages:
        try:
            records = [to_record(instance, page, index, margin) for instance in page.instances]
        except BadInputError as fault:
            reading.faults.append(fault)
            continue
        if records:
            records[0] = replace(records[0], notes=records[0].notes + page.notes)
            reading.records += records
        else:
            reading.backgrounds.append(page.image)
    return reading.settle(skip_bad)


def _each_image_once(
    pages: Sequence[Page], faults: Sequence[BadInputError]
) -> tuple[list[Page], list[BadInputError]]:
    first: dict[Path, Page] = {}
    doubles = []
    for page in pages:
        earlier = first.get(page.image.path)
        if earlier is None:
            first[page.image.path] = page
        else:
            doubles.append(
                BadInputError(
                    "image is annotated twice",
                    where=page.where,
                    expected="one annotation an image",
                    found=f"another at {earlier.where}",
                    todo="delete one of them",
                )
            )
    return list(first.values()), [*faults, *doubles]


def _refuse(source: Path, faults: list[BadInputError], skip_bad: bool) -> None:
    """Raise, because nothing in ``source`` names a keypoint."""
    if faults and not skip_bad:
        AnnotationSet(KeypointSchema("none", ("none",)), faults=faults).settle(skip_bad=False)
    raise BadInputError(
        "no keypoints here",
        where=str(source),
        expected="at least one labelled point",
        found=f"{len(faults)} bad, the first: {faults[0]}" if faults else "none",
        todo="label points in the annotation tool and export again",
    )
