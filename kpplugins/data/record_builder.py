"""Build the record of an annotation from any format, by the same rules for keypoints, boxes and areas.

- An annotation that was made on the image before its EXIF orientation was applied, or in another size, is turned and
  scaled first (``MadeOn``).
- A labelled keypoint outside the image is absent. One on the right or lower border, up to x = width or y = height, is
  inside: tools that measure from pixels' edges reach so far. It is moved to the last pixel.
- A given box is cut to the image: to the centres of its outermost pixels, as MMPose does. Half a pixel to one pixel
  of that is a matter of convention; a larger cut is noted.
- A missing box, or one without width or height of an instance with keypoints, is derived from the labelled keypoints:
  the box around them, enlarged by a margin and cut to the image. Keypoints without extent, for example a single one,
  get a square of ``SMALL_SIDE``.
- A missing area is ``AREA_OF_BOX`` of the box's area.

A reader that finds a bad instance leaves out its whole image: an image with missing instances would teach the model
that there is nothing where they are.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from kpplugins.data.image_info import ImageInfo
from kpplugins.data.placement.made_on import TURNED, MadeOn
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.rule import AppliedRule
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import box_area, box_areas, box_from_points, clip_box, inside_image

MARGIN = 0.1
"""Margin of a derived box on each side, as a fraction of its longer side."""
SMALL_SIDE = 0.1
"""Side of the square around keypoints without extent, as a fraction of the image's longer side."""
AREA_OF_BOX = 0.53
"""Area of an instance whose file gives none, as a fraction of its box's: MMPose's for data without outlines
(``BaseCocoStyleDataset.parse_data_info``, ``MpiiDataset``, ``JhmdbDataset``), so that OKS is comparable."""

_BEYOND = 0.03
"""How far a keypoint must be beyond its image to show that it was made on the image turned the other way, as a fraction
of the longer side."""

_LONGEST_NAME = 200
_CONVENTION = 1.0
"""Pixels by which boxes of one instance differ between tools that count from pixels' centres and from their edges."""


def build_record(
    image: ImageInfo,
    keypoints: np.ndarray,
    *,
    source: Path,
    where: str,
    box: np.ndarray | None = None,
    area: float | None = None,
    margin: float = MARGIN,
    category: str = "object",
    crowd: bool = False,
    rules: Sequence[AppliedRule] = (),
    border: float = 1.0,
) -> PoseRecord:
    """Build the record of one annotation by the rules of the module, noting each one that was applied.

    Args:
        image: the image.
        keypoints: ``(K, 3)`` x, y in pixels and visibility; where that is 0, x and y do not matter.
        source: the annotation file; ``where`` is the place in it, for messages.
        box: ``(4,)`` xyxy; ``None`` derives it from the keypoints.
        area: in square pixels; ``None`` derives it from the box.
        margin: of a derived box, see ``MARGIN``.
        category: what the instance is.
        crowd: COCO's ``iscrowd``.
        rules: those that the reader has already applied.
        border: pixels beyond the centre of the last one that still are in the image; 1 reaches to the width and height.

    Returns:
        The record, its keypoints (K, 3) with zeros where one is absent, its box (4,) xyxy within the image.

    Raises:
        BadInputError: the keypoints fit the image only if its EXIF orientation is taken the other way; a visibility
            other than 0, 1 or 2, a labelled keypoint or a box that is not finite, a box without area in the image, or
            neither a box nor a keypoint in the image.
    """
    made = build_records(
        [image], np.asarray(keypoints)[None], source=source, where=where, margin=margin, categories=[category],
        boxes=np.zeros((1, 4)) if box is None else np.asarray(box)[None], boxed=np.array([box is not None]),
        areas=np.array([np.nan if area is None else area]), crowds=np.array([crowd]), rules=rules, border=border,
    )  # fmt: skip
    return made[0]


def build_records(
    images: Sequence[ImageInfo],
    keypoints: np.ndarray,
    *,
    source: Path,
    where: str,
    boxes: np.ndarray,
    boxed: np.ndarray,
    areas: np.ndarray,
    categories: Sequence[str],
    crowds: np.ndarray,
    margin: float = MARGIN,
    rules: Sequence[AppliedRule] = (),
    border: float = 1.0,
) -> list[PoseRecord]:
    """Build the records of N annotations at once, each as ``build_record`` does, in a tenth of the time.

    The records' arrays are rows of larger ones.

    Args:
        images: the image of each.
        keypoints: ``(N, K, 3)``.
        source: see ``build_record``.
        where: the place of the first one, for messages: see ``apart`` for how the right one is named.
        boxes: ``(N, 4)`` xyxy; rows whose ``boxed`` is false do not matter.
        boxed: ``(N,)`` whether a box is given.
        areas: ``(N,)``; NaN derives it from the box.
        categories: N names.
        crowds: ``(N,)``.
        margin: see ``build_record``.
        rules: those that the reader has already applied, to every one.
        border: see ``build_record``.

    Returns:
        N records.

    Raises:
        BadInputError: as in ``build_record``, for any one of them.
    """
    keypoints, boxes, areas = (np.asarray(v, np.float64) for v in (keypoints, boxes, areas))
    _check_categories(categories, where)
    labelled = _labelled(keypoints, where)
    keypoints, moved = _from_border(keypoints, labelled, images, border)
    if any(image.made_on is not None for image in images):
        keypoints, boxes, areas = _on_images(images, keypoints, labelled, boxes, areas, where)
    sizes = np.array([(image.width, image.height) for image in images], np.float64)
    inside = labelled & inside_image(keypoints[..., :2], sizes[:, :1], sizes[:, 1:])
    some = inside.any(axis=1)
    flat = boxed & some & np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] == boxes[:, :2]).any(axis=1)
    given = boxed & ~flat
    lost = ~given & ~some
    if lost.any():
        raise _no_place(labelled[lost.argmax()], sizes[lost.argmax()], where)
    fitted = _given_boxes(boxes, given, sizes, where)
    cut = given & (np.abs(fitted - boxes) > _CONVENTION).any(axis=1)
    alone = given & ~crowds & ~labelled.any(axis=1)
    small = np.zeros(len(images), bool)
    for i in np.flatnonzero(~given).tolist():
        fitted[i], small[i] = _derived_box(keypoints[i, :, :2], inside[i], images[i], margin, where)
    derived = np.isnan(areas)
    areas = np.where(derived, AREA_OF_BOX * box_areas(fitted), areas)
    applied = {
        AppliedRule.KEYPOINT_OUTSIDE: (labelled & ~inside).sum(axis=1), AppliedRule.KEYPOINT_MOVED: moved,
        AppliedRule.BOX_WITHOUT_SIZE: flat, AppliedRule.BOX_CUT: cut, AppliedRule.BOX_ALONE: alone,
        AppliedRule.BOX_DERIVED: ~given & ~small, AppliedRule.BOX_SMALL: small, AppliedRule.AREA_DERIVED: derived,
    }  # fmt: skip
    keypoints = np.where(inside[..., None], keypoints, 0.0)
    rows = zip(
        images, keypoints, fitted, areas.tolist(), _applied(images, applied, tuple(rules)), categories, crowds.tolist(),
        strict=True,
    )  # fmt: skip
    return [
        PoseRecord(image.path, image.width, image.height, points, box, area, source, done, category, crowd)
        for image, points, box, area, done, category, crowd in rows
    ]


def _applied(
    images: Sequence[ImageInfo], counts: Mapping[AppliedRule, np.ndarray], before: tuple[AppliedRule, ...]
) -> list[tuple[AppliedRule, ...]]:
    """Return the rules of each record: those before, those of its image, and each rule as often as it is counted."""
    applied = [before if image.made_on is None else (*before, *image.made_on.rules) for image in images]
    table = np.stack([np.asarray(count, np.int64) for count in counts.values()])
    for i in np.flatnonzero(table.any(axis=0)).tolist():
        applied[i] += tuple(
            rule for rule, n in zip(counts, table[:, i].tolist(), strict=True) for _ in range(n)
        )
    return applied


def _check_categories(names: Sequence[str], where: str) -> None:
    for name in set(names):
        if len(name) > _LONGEST_NAME:
            raise BadInputError(
                "name of a category is too long", where=where, expected=f"at most {_LONGEST_NAME} characters",
                found=ascii(name)[:60],
            )  # fmt: skip


def _labelled(keypoints: np.ndarray, where: str) -> np.ndarray:
    """Return which keypoints are labelled; raise BadInputError for an invalid visibility or position."""
    shown = keypoints[..., 2]
    known = (shown == 0) | (shown == 1) | (shown == 2)
    if not known.all():
        raise BadInputError(
            "visibility must be 0, 1 or 2", where=where, found=f"{shown[~known][0]:g}", todo="label it again"
        )
    labelled = shown > 0
    if not np.isfinite(keypoints[labelled]).all():
        raise BadInputError("keypoint is not a number", where=where, todo="label it again")
    return labelled


def _from_border(
    keypoints: np.ndarray, labelled: np.ndarray, images: Sequence[ImageInfo], border: float
) -> tuple[np.ndarray, np.ndarray]:
    """Move labelled keypoints on the right and lower border to the last pixel, and count those of each instance."""
    last = np.array([image.annotated_size for image in images], np.float64)[:, None] - 1
    points = keypoints[..., :2]
    beyond = labelled & (points > last).any(axis=-1)
    near = beyond & ((points >= 0) & (points <= last + border)).all(axis=-1)
    if near.any():
        keypoints = keypoints.copy()
        keypoints[near, :2] = np.minimum(points, last)[near]
    return keypoints, near.sum(axis=1)


def _on_images(
    images: Sequence[ImageInfo],
    keypoints: np.ndarray,
    labelled: np.ndarray,
    boxes: np.ndarray,
    areas: np.ndarray,
    where: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn and scale keypoints, boxes and areas from what they were made on to the decoded images."""
    keypoints, boxes, areas = keypoints.copy(), boxes.copy(), areas.copy()
    for i, image in enumerate(images):
        made_on = image.made_on
        if made_on is not None:
            _check_way(image, made_on, keypoints[i, labelled[i], :2], where)
            keypoints[i, :, :2] = made_on.to_image(keypoints[i, :, :2], image.width, image.height)
            corners = made_on.to_image(boxes[i].reshape(2, 2), image.width, image.height)
            boxes[i] = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
            areas[i] *= image.width * image.height / (made_on.width * made_on.height)
    return keypoints, boxes, areas


def _check_way(image: ImageInfo, made_on: MadeOn, points: np.ndarray, where: str) -> None:
    """Raise BadInputError if the keypoints fit the image turned the other way alone, whatever size is stated."""
    rules, (width, height) = made_on.rules, image.annotated_size
    stated = AppliedRule.EXIF_TURNED in rules or AppliedRule.EXIF_KEPT in rules
    if AppliedRule.RESCALED in rules or not (stated or made_on.doubt in TURNED):
        return
    slack = _BEYOND * max(width, height)
    beyond = (points > np.array([width, height]) - 1 + slack).any()
    if not beyond or not inside_image(points, height, width).all():
        return
    other = "after" if AppliedRule.EXIF_TURNED in rules else "before"
    delete = f"if they were made so, delete the orientation: exiftool -Orientation= {image.path.name}"
    raise BadInputError(
        f"keypoints fit the image only {other} its EXIF orientation is applied", where=where,
        expected=f"keypoints within {width}×{height}", found=f"keypoints within {height}×{width}",
        todo="state the size of the image that was annotated" if stated else delete,
    )  # fmt: skip


def _no_place(labelled: np.ndarray, size: np.ndarray, where: str) -> BadInputError:
    """Say of an instance that nothing tells where in its image it is."""
    what = (
        "every keypoint lies outside the image" if labelled.any() else "neither a keypoint nor a box is given"
    )
    return BadInputError(what, where=where, found=f"{size[0]:.0f}×{size[1]:.0f}", todo="label it again")


def _given_boxes(boxes: np.ndarray, given: np.ndarray, sizes: np.ndarray, where: str) -> np.ndarray:
    """Return the boxes (N, 4) cut to their images of sizes (N, 2)."""
    fitted = clip_box(boxes, sizes[:, 0], sizes[:, 1])
    bad = given & ~(np.isfinite(boxes).all(axis=1) & (box_areas(fitted) > 0))
    if bad.any():
        box, (width, height) = boxes[bad.argmax()], sizes[bad.argmax()]
        raise BadInputError(
            "box has no area in its image",
            where=where,
            expected=f"left < right and top < bottom within {width:.0f}×{height:.0f}",
            found=", ".join(f"{v:.6g}" for v in box),
            todo="draw it again or delete it",
        )
    return fitted


def _derived_box(
    points: np.ndarray, inside: np.ndarray, image: ImageInfo, margin: float, where: str
) -> tuple[np.ndarray, bool]:
    """Return the box around the keypoints, and whether it is the square around some without extent."""
    box = clip_box(box_from_points(points, inside, margin), image.width, image.height)
    if box_area(box) > 0:
        return box, False
    tight = box_from_points(points, inside)
    side = max(SMALL_SIDE * max(image.width, image.height), float((tight[2:] - tight[:2]).max()))
    centre = (tight[:2] + tight[2:]) / 2
    box = clip_box(np.concatenate([centre - side / 2, centre + side / 2]), image.width, image.height)
    if not box_area(box) > 0:
        raise BadInputError(
            "image is too small for a box", where=where, found=f"{image.width}×{image.height}"
        )
    return box, True
