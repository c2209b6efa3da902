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

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kpplugins.data.image_info import ImageInfo
from kpplugins.data.placement.made_on import TURNED, MadeOn
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.rule import AppliedRule
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import box_area, box_from_points, clip_box, inside_image

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
    labelled = _labelled(keypoints, where)
    keypoints, on_border = _from_border(keypoints, labelled, image, border)
    if image.made_on is not None:
        _check_way(image, image.made_on, keypoints[labelled, :2], where)
        keypoints, box, area = _on_image(image, image.made_on, keypoints, box, area)
        rules = [*rules, *image.made_on.rules]
    inside = labelled & inside_image(keypoints[:, :2], image.width, image.height)
    applied = [*rules, *[AppliedRule.KEYPOINT_OUTSIDE] * int(labelled.sum() - inside.sum())]
    applied += [AppliedRule.KEYPOINT_MOVED] * on_border
    if box is not None and inside.any() and np.isfinite(box).all() and (box[2:] == box[:2]).any():
        box, applied = None, [*applied, AppliedRule.BOX_WITHOUT_SIZE]
    if box is not None:
        fitted = _given_box(box, image, where)
        applied += [AppliedRule.BOX_CUT] * bool(np.abs(fitted - box).max() > _CONVENTION)
        applied += [AppliedRule.BOX_ALONE] * (not crowd and not labelled.any())
    elif inside.any():
        fitted, rule = _derived_box(keypoints[:, :2], inside, image, margin, where)
        applied.append(rule)
    else:
        what = (
            "every keypoint lies outside the image"
            if labelled.any()
            else "neither a keypoint nor a box is given"
        )
        raise BadInputError(what, where=where, found=f"{image.width}×{image.height}", todo="label it again")
    if area is None:
        area = AREA_OF_BOX * box_area(fitted)
        applied.append(AppliedRule.AREA_DERIVED)
    return PoseRecord(
        image=image.path, width=image.width, height=image.height, keypoints=np.where(inside[:, None], keypoints, 0.0),
        bbox=fitted, area=area, source=source, rules=tuple(applied), category=category, crowd=crowd,
    )  # fmt: skip


def _labelled(keypoints: np.ndarray, where: str) -> np.ndarray:
    """Return which keypoints are labelled; raise BadInputError for an invalid visibility or position."""
    shown = keypoints[:, 2]
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
    keypoints: np.ndarray, labelled: np.ndarray, image: ImageInfo, border: float
) -> tuple[np.ndarray, int]:
    """Move labelled keypoints on the right and lower border to the last pixel, and count them."""
    last = np.array(image.annotated_size, np.float64) - 1
    points = keypoints[:, :2]
    beyond = points > last
    if not beyond.any():
        return keypoints, 0
    near = labelled & (points >= 0).all(axis=1) & (points <= last + border).all(axis=1) & beyond.any(axis=1)
    if not near.any():
        return keypoints, 0
    moved = keypoints.astype(np.float64)
    moved[near, :2] = np.minimum(points[near], last)
    return moved, int(near.sum())


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


def _on_image(
    image: ImageInfo, made_on: MadeOn, keypoints: np.ndarray, box: np.ndarray | None, area: float | None
) -> tuple[np.ndarray, np.ndarray | None, float | None]:
    """Turn and scale keypoints, box and area from what they were made on to the decoded image."""
    points = made_on.to_image(keypoints[:, :2], image.width, image.height)
    if box is not None:
        corners = made_on.to_image(box.reshape(2, 2), image.width, image.height)
        box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    if area is not None:
        area *= image.width * image.height / (made_on.width * made_on.height)
    return np.concatenate([points, keypoints[:, 2:]], axis=1), box, area


def _given_box(box: np.ndarray, image: ImageInfo, where: str) -> np.ndarray:
    fitted = clip_box(box, image.width, image.height)
    if not np.isfinite(box).all() or not box_area(fitted) > 0:
        raise BadInputError(
            "box has no area in its image",
            where=where,
            expected=f"left < right and top < bottom within {image.width}×{image.height}",
            found=", ".join(f"{v:.6g}" for v in box),
            todo="draw it again or delete it",
        )
    return fitted


def _derived_box(
    points: np.ndarray, inside: np.ndarray, image: ImageInfo, margin: float, where: str
) -> tuple[np.ndarray, AppliedRule]:
    box = clip_box(box_from_points(points, inside, margin), image.width, image.height)
    if box_area(box) > 0:
        return box, AppliedRule.BOX_DERIVED
    tight = box_from_points(points, inside)
    side = max(SMALL_SIDE * max(image.width, image.height), float((tight[2:] - tight[:2]).max()))
    centre = (tight[:2] + tight[2:]) / 2
    box = clip_box(np.concatenate([centre - side / 2, centre + side / 2]), image.width, image.height)
    if not box_area(box) > 0:
        raise BadInputError(
            "image is too small for a box", where=where, found=f"{image.width}×{image.height}"
        )
    return box, AppliedRule.BOX_SMALL
