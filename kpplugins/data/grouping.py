"""Group single keypoints and boxes into instances, and these into an ``AnnotationSet``: shared by annotation tools.

How keypoints and boxes are grouped (``group_shapes``):

1. keypoints and boxes of one group are one instance. One rectangle of a group is its box; without a rectangle it is the
   box around all the group's polygons; two rectangles are a fault. One without width or height only says what
   the category is;
2. a keypoint without a group belongs to the smallest box that contains it (noted if there are several); two of the
   same size, or none although the image has boxes, are a fault;
3. in an image without boxes, all keypoints without a group are one instance;
4. one name twice in an instance is a fault;
5. a label that ends in ``-occluded`` is the keypoint without it, occluded.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from kpplugins.data.annotation_set import SCHEMA_FILE, AnnotationSet
from kpplugins.data.faults import settle_faults
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.parsing.notes import Notes
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.record_builder import build_record
from kpplugins.data.rule import AppliedRule
from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import infer_schema
from kpplugins.structures import BadInputError

Corners = tuple[float, float, float, float]
_OCCLUDED = re.compile(r"(?<=\w)[-_. (]+(occluded|hidden|invisible)\)?$", re.IGNORECASE)
"""The end of a label that says that its keypoint is occluded; tools without visibility are used so."""


@dataclass(frozen=True)
class DrawnKeypoint:
    """One labelled keypoint, in (x, y) pixels, with its own group and category, if any."""

    name: str
    x: float
    y: float
    occluded: bool = False
    group: str = ""
    category: str = ""


@dataclass(frozen=True)
class DrawnBox:
    """One box, xyxy pixels; ``exact`` if it was drawn as a rectangle, otherwise it is the box around a polygon."""

    corners: Corners
    category: str = ""
    group: str = ""
    exact: bool = True

    @property
    def flat(self) -> bool:
        """Return whether it has no width or no height."""
        left, top, right, bottom = self.corners
        return left == right or top == bottom


@dataclass(frozen=True)
class Instance:
    """Keypoints of different names, and the box if one was drawn."""

    keypoints: tuple[DrawnKeypoint, ...]
    corners: Corners | None = None
    category: str = "object"
    rules: tuple[AppliedRule, ...] = ()


@dataclass(frozen=True)
class Page:
    """One annotated image.

    Attributes:
        image: the file and its size.
        source: the annotation file.
        where: the annotation file and the place in it, for messages.
        instances: empty for a background.
        rules: those applied to the whole image; the report counts them with its first instance.
    """

    image: ImageInfo
    source: Path
    where: str
    instances: tuple[Instance, ...] = ()
    rules: tuple[AppliedRule, ...] = ()


@dataclass
class _Cluster:
    keypoints: list[DrawnKeypoint] = field(default_factory=list)
    boxes: list[DrawnBox] = field(default_factory=list)
    rules: list[AppliedRule] = field(default_factory=list)


def corners_around(points: Sequence[tuple[float, float]], where: str) -> Corners:
    """Return the upright box around ``points``.

    Args:
        points: (x, y) in pixels.
        where: for messages.

    Returns:
        The box, xyxy pixels.

    Raises:
        BadInputError: there are no points.
    """
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if not points:
        raise BadInputError("box has no corners", where=where, todo="draw it again or delete it")
    return min(xs), min(ys), max(xs), max(ys)


def corners_of_sides(
    x: float, y: float, width: float, height: float, where: str, *, degrees: float = 0, centred: bool = False
) -> Corners:
    """Return the upright box around a rectangle that may be turned.

    Args:
        x: of the left side before turning.
        y: of the upper side before turning.
        width: not negative.
        height: not negative.
        where: for messages.
        degrees: clockwise as seen.
        centred: turned around the centre, else around the upper left corner.

    Returns:
        The box, xyxy in the unit of the sides.

    Raises:
        BadInputError: ``width`` or ``height`` is negative.
    """
    if not (width >= 0 and height >= 0):
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


def group_shapes(
    keypoints: Sequence[DrawnKeypoint], boxes: Sequence[DrawnBox], where: str
) -> tuple[Instance, ...]:
    """Group the keypoints and boxes of one image into instances by the rules of the module.

    Args:
        keypoints: all keypoints of the image.
        boxes: all boxes of the image.
        where: the annotation file and the place in it, for messages.

    Returns:
        The instances, those with boxes first, in the order of the source.

    Raises:
        BadInputError: a keypoint that belongs to no box or to two boxes equally, a name twice in an instance, two
            rectangles in a group, or a box without size and without keypoints in its group.
    """
    grouped = {keypoint.group for keypoint in keypoints if keypoint.group}
    if any(box.flat and box.group not in grouped for box in boxes):
        raise BadInputError("box has no size", where=where, todo="draw it again or delete it")
    clusters: dict[str, _Cluster] = {}
    keys = [box.group or f"\0box {i}" for i, box in enumerate(boxes)]
    for key, box in zip(keys, boxes, strict=True):
        clusters.setdefault(key, _Cluster()).boxes.append(box)
    for drawn in keypoints:
        keypoint, hidden = _read_label(drawn)
        key, several = (keypoint.group, False) if keypoint.group else _home(keypoint, boxes, keys, where)
        cluster = clusters.setdefault(key, _Cluster())
        cluster.keypoints.append(keypoint)
        cluster.rules += [AppliedRule.KEYPOINT_IN_SEVERAL_BOXES] * several
        cluster.rules += [AppliedRule.OCCLUDED_BY_LABEL] * hidden
    return tuple(_instance(cluster, where) for cluster in clusters.values())


def _read_label(keypoint: DrawnKeypoint) -> tuple[DrawnKeypoint, bool]:
    """Take ``nose-occluded`` as the keypoint ``nose``, occluded; tell whether the label says so."""
    name = _OCCLUDED.sub("", keypoint.name)
    if name == keypoint.name:
        return keypoint, False
    return replace(keypoint, name=name, occluded=True), True


def _home(
    keypoint: DrawnKeypoint, boxes: Sequence[DrawnBox], keys: list[str], where: str
) -> tuple[str, bool]:
    """Return the key of the smallest box around a keypoint, and whether there are others."""
    if not boxes:
        return "\0all", False
    holding = sorted(
        ((c[2] - c[0]) * (c[3] - c[1]), i)
        for i, (box, c) in enumerate((box, box.corners) for box in boxes)
        if not box.flat and c[0] <= keypoint.x <= c[2] and c[1] <= keypoint.y <= c[3]
    )
    equals = {keys[i] for area, i in holding if area == holding[0][0]}
    if len(equals) == 1:
        return keys[holding[0][1]], len({keys[i] for _, i in holding}) > 1
    raise BadInputError(
        f"keypoint {keypoint.name!r} is in {'two boxes of the same size' if holding else 'no box'}",
        where=where,
        expected="one smallest box around it, or a group that it shares with its box",
        found=f"({keypoint.x:g}, {keypoint.y:g})",
        todo="group the keypoint with its box in the annotation tool, or fix the box",
    )


def _instance(cluster: _Cluster, where: str) -> Instance:
    names = [keypoint.name for keypoint in cluster.keypoints]
    twice = next((name for name in names if names.count(name) > 1), None)
    exact = [box for box in cluster.boxes if box.exact]
    if twice is not None or len(exact) > 1:
        raise BadInputError(
            f"keypoint {twice!r} occurs twice in one instance"
            if twice is not None
            else "two boxes in one group",
            where=where,
            expected="every keypoint once, and one box",
            todo="give each instance its own group or box, or delete the extra one",
        )
    corners = exact[0].corners if exact else None
    if cluster.boxes and corners is None:
        sides = np.array([box.corners for box in cluster.boxes])
        low, high = sides[:, :2].min(axis=0), sides[:, 2:].max(axis=0)
        corners = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    said = [m.category for m in cluster.keypoints] + [b.category for b in exact + cluster.boxes]
    category = next((c for c in said if c), "object")
    return Instance(tuple(cluster.keypoints), corners, category, tuple(cluster.rules))


def ignored_shapes(kinds: Sequence[str], usable: bool, where: str) -> tuple[AppliedRule, ...]:
    """Note shapes that are neither keypoints nor boxes.

    Args:
        kinds: what each of these shapes is.
        usable: whether the image has keypoints or boxes too.
        where: the annotation file and the place in it, for messages.

    Returns:
        ``AppliedRule.SHAPE_IGNORED`` once for each shape.

    Raises:
        BadInputError: the image has nothing but such shapes.
    """
    if kinds and not usable:
        raise BadInputError(
            "image has shapes but neither keypoints nor boxes",
            where=where,
            expected="keypoints",
            found=", ".join(sorted(set(kinds))),
            todo="label its keypoints, or delete the shapes if the image is empty",
        )
    return (AppliedRule.SHAPE_IGNORED,) * len(kinds)


def to_record(instance: Instance, page: Page, index: dict[str, int], margin: float) -> PoseRecord:
    """Build the record of one instance.

    Args:
        instance: what was drawn.
        page: where.
        index: the position of each name in the schema.
        margin: of a derived box.

    Returns:
        The record; its keypoints are (K, 3) in the order of ``index``.

    Raises:
        BadInputError: see ``build_record``.
    """
    keypoints = np.zeros((len(index), 3))
    for drawn in instance.keypoints:
        keypoints[index[drawn.name]] = drawn.x, drawn.y, 1 if drawn.occluded else 2
    return build_record(
        page.image, keypoints, source=page.source, where=page.where, margin=margin, category=instance.category,
        box=None if instance.corners is None else np.array(instance.corners), rules=instance.rules,
    )  # fmt: skip


def assemble(
    source: Path,
    pages: Sequence[Page],
    faults: Sequence[BadInputError],
    *,
    margin: float,
    skip_bad: bool,
    names: Sequence[str] = (),
    skeleton: Sequence[tuple[str, str]] = (),
    notes: Notes | None = None,
) -> AnnotationSet:
    """Gather and settle the ``AnnotationSet`` of all images of a source.

    Args:
        source: see ``gather``.
        pages: one per image.
        faults: what could not be read.
        margin: of derived boxes.
        skip_bad: as in ``AnnotationSet.settle``.
        names: see ``gather``.
        skeleton: lines that the source declares.
        notes: see ``AnnotationSet``.

    Returns:
        See ``gather``.

    Raises:
        BadInputError: see ``gather``; or there is a fault and ``skip_bad`` is false.
    """
    pages, faults = _each_image_once(pages, faults)
    if faults and not (skip_bad or names or any(i.keypoints for p in pages for i in p.instances)):
        settle_faults(faults, skip_bad)
    reading = gather(source, pages, faults, margin=margin, names=names, skeleton=skeleton)
    reading.notes.join(notes or {})
    return reading.settle(skip_bad)


def gather(
    source: Path,
    pages: Sequence[Page],
    faults: Sequence[BadInputError],
    *,
    margin: float,
    names: Sequence[str] = (),
    skeleton: Sequence[tuple[str, str]] = (),
) -> AnnotationSet:
    """Gather the ``AnnotationSet`` of all images of a source, without settling it.

    Args:
        source: gives the schema its name.
        pages: one per image.
        faults: what could not be read.
        margin: of derived boxes.
        names: keypoints that the source declares; those of the pages follow in the order of their first appearance. All
            follow those of the source's ``schema.json``, so that a keypoint that is never labelled keeps its place.
        skeleton: lines that the source declares.

    Returns:
        The records and backgrounds of all images that could be read, with their schema.

    Raises:
        BadInputError: no keypoint remains, or ``margin`` is negative.
    """
    if not 0 <= margin < math.inf:
        raise BadInputError("wrong margin", where="margin", expected="a number ≥ 0", found=str(margin))
    pages, faults = _each_image_once(pages, faults)
    path = source / SCHEMA_FILE
    stated = KeypointSchema.load(path).keypoints if path.is_file() else ()
    drawn = dict.fromkeys(m.name for p in pages for i in p.instances for m in i.keypoints)
    declared = [name if name in drawn else _OCCLUDED.sub("", name) for name in names]
    known = dict.fromkeys([*stated, *declared, *drawn])
    if not known:
        raise _no_keypoints(source, faults)
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
            records[0] = replace(records[0], rules=records[0].rules + page.rules)
            reading.records += records
        else:
            reading.backgrounds.append(page.image)
    return reading


def predicted_records(
    pages: Sequence[Page], reading: AnnotationSet, margin: float
) -> dict[Path, list[PoseRecord]]:
    """Build the records of what had been predicted for images that people then annotated.

    Args:
        pages: one per image.
        reading: what was annotated; keypoints that it lacks, and pages that fit no image, are counted in its notes.
        margin: of derived boxes.

    Returns:
        The records by image, with the keypoints of ``reading``.
    """
    index = {name: i for i, name in enumerate(reading.schema.keypoints)}
    found: dict[Path, list[PoseRecord]] = {}
    for page in pages:
        lost = sum(drawn.name not in index for i in page.instances for drawn in i.keypoints)
        reading.notes.count("predicted keypoint that the corrected set does not have, not compared", lost)
        kept = [
            replace(i, keypoints=tuple(drawn for drawn in i.keypoints if drawn.name in index))
            for i in page.instances
        ]
        try:
            found[page.image.path] = [
                to_record(i, page, index, margin) for i in kept if i.keypoints or i.corners
            ]
        except BadInputError:
            reading.notes.count("prediction that cannot be read, not compared")
    return found


def _each_image_once(
    pages: Sequence[Page], faults: Sequence[BadInputError]
) -> tuple[list[Page], list[BadInputError]]:
    """Leave out images with several pages, for each of them may lack what another has, and return their faults too."""
    of_image: dict[Path, list[Page]] = {}
    for page in pages:
        of_image.setdefault(page.image.path.resolve(), []).append(page)
    doubles = [
        BadInputError(
            "image is annotated twice",
            where=page.where,
            expected="one annotation per image",
            found=f"another at {first.where}",
            todo="delete one of them, or rename the image that is meant",
        )  # fmt: skip
        for first, *others in of_image.values()
        for page in others
    ]
    return [found[0] for found in of_image.values() if len(found) == 1], [*faults, *doubles]


def _no_keypoints(source: Path, faults: Sequence[BadInputError]) -> BadInputError:
    """Say that nothing in ``source`` names a keypoint."""
    return BadInputError(
        "no keypoints here",
        where=str(source),
        expected="at least one labelled keypoint",
        found=f"{len(faults)} bad, the first: {faults[0]}" if faults else "none",
        todo="label keypoints in the annotation tool and export again",
    )
