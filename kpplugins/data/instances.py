"""One labelled instance from its points and an optional box; the checks that readers share.

A reader that meets one bad instance leaves out its whole image: an image of which some instances are missing would
teach that there is nothing where they are.
"""

import math
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kpplugins.data.annotation_set import DERIVED_NOTE, OUTSIDE_NOTE
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.images import read_size
from kpplugins.data.paths import below
from kpplugins.data.pose_record import PoseRecord
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import box_area, box_from_points, clip_box, inside_image

SMALL_NOTE = "box derived from points without extent"
CUT_NOTE = "box cut to its image"
SMALLEST_SIDE = 0.05
"""Side of the box around points without extent (a single one), as a fraction of the image's shorter side."""

_UNUSABLE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories that no file name of a data set needs: control characters, half surrogates, line ends."""


def make_record(
    image: ImageInfo,
    points: np.ndarray,
    *,
    source: Path,
    where: str,
    box: np.ndarray | None = None,
    margin: float = 0.1,
    category: str = "object",
    area: float | None = None,
    crowd: bool = False,
) -> PoseRecord:
    """A record by the project's rules; each rule that was applied is a note of the record.

    Args:
        image: the image.
        points: ``(K, 3)`` x, y in pixels and visibility; where that is 0, x and y do not matter.
        source: the annotation file; ``where`` is the place in it, for messages.
        box: ``(4,)`` xyxy; ``None`` takes the box around the points.
        margin: what a box around points gets on each side, as a fraction of its longer side.
        category: what the object is.
        area: in square pixels; ``None`` takes the box's (without its margin).
        crowd: COCO's ``iscrowd``.

    Raises:
        BadInputError: a visibility other than 0, 1 or 2, a labelled point or box that is not finite, a box without
            area in the image, or neither a box nor a point in the image.
    """
    labelled = _labelled(points, where)
    inside = labelled & inside_image(points[:, :2], image.width, image.height)
    notes = (OUTSIDE_NOTE,) * int((labelled & ~inside).sum())
    if box is not None:
        fitted, own_area, note = _given_box(box, image, where)
    elif inside.any():
        fitted, own_area, note = box_around(points, inside, image, margin)
    else:
        what = "every point lies outside the image" if labelled.any() else "neither a point nor a box"
        raise BadInputError(what, where=where, found=f"{image.width}×{image.height}", todo="label it again")
    return PoseRecord(
        image=image.path,
        width=image.width,
        height=image.height,
        keypoints=np.where(inside[:, None], points, 0.0),
        bbox=fitted,
        area=own_area if area is None else area,
        source=source,
        notes=notes + ((note,) if note else ()),
        category=category,
        crowd=crowd,
    )


def find_image(root: Path, name: object, where: str) -> ImageInfo:
    """The image that an annotation names, below ``root``, with its size.

    Raises:
        BadInputError: see ``paths.below`` and ``images.read_size``; or a name that is no usable text.
    """
    if not isinstance(name, str) or any(unicodedata.category(c) in _UNUSABLE for c in name):
        raise BadInputError("image has no usable name", where=where, found=repr(name)[:80])
    try:
        path = below(root, name, where)
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, BadInputError):
            raise
        raise BadInputError("image has no usable name", where=where, found=repr(name)[:80]) from error
    return measure(path, where)


def measure(path: Path, where: str) -> ImageInfo:
    """The image at ``path`` with its size; a fault names the annotation first and the image as what was found."""
    try:
        return ImageInfo(path, *read_size(path))
    except BadInputError as error:
        raise BadInputError(
            error.what, where=where, expected=error.expected, found=str(path), todo=error.todo
        ) from error
    except Exception as error:  # Pillow's readers raise what they like for broken files, bombs among it
        raise BadInputError(
            f"image cannot be read ({type(error).__name__})", where=where, found=str(path)
        ) from error


def to_number(value: object, where: str, what: str = "number") -> float:
    """A finite number from JSON, YAML or text; raises BadInputError for anything else, booleans among it."""
    number = math.nan
    if isinstance(value, (int, float, str)) and not isinstance(value, bool) and "_" not in str(value)[:40]:
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
    if not math.isfinite(number):
        raise BadInputError(f"{what} is not a finite number", where=where, found=repr(value)[:60])
    return number


def one_line(error: object) -> str:
    """What an exception says, on one line of at most 200 characters."""
    return " ".join(str(error).split())[:200]


def true_division(splits: Mapping[Path, str]) -> dict[Path, str]:
    """``splits`` where they name at least two parts; a set with one part is not divided yet."""
    return dict(splits) if len(set(splits.values())) > 1 else {}


def _labelled(points: np.ndarray, where: str) -> np.ndarray:
    """Which points are labelled; raises BadInputError for what is no visibility or no point."""
    known = np.isin(points[:, 2], (0, 1, 2))
    if not known.all():
        found = f"{points[~known, 2][0]:g}"
        raise BadInputError("unknown visibility", where=where, expected="0, 1 or 2", found=found)
    labelled = points[:, 2] > 0
    if not np.isfinite(points[labelled]).all():
        raise BadInputError("point is not a number", where=where, todo="label it again")
    return labelled


def _given_box(box: np.ndarray, image: ImageInfo, where: str) -> tuple[np.ndarray, float, str]:
    """Box, area and note."""
    fitted = clip_box(box, image.width, image.height)
    if not np.isfinite(box).all() or not box_area(fitted) > 0:
        raise BadInputError(
            "box has no area in its image",
            where=where,
            expected=f"left < right and top < bottom within {image.width}×{image.height}",
            found=", ".join(f"{v:.6g}" for v in box),
            todo="draw it again",
        )
    return fitted, box_area(fitted), CUT_NOTE if np.abs(fitted - box).max() > 1 else ""


def box_around(
    points: np.ndarray, inside: np.ndarray, image: ImageInfo, margin: float
) -> tuple[np.ndarray, float, str]:
    """Box, area and note; points without extent get a square of ``SMALLEST_SIDE``."""
    size = image.width, image.height
    tight = box_from_points(points[:, :2], inside)
    box = clip_box(box_from_points(points[:, :2], inside, margin), *size)
    if box_area(box) > 0:
        return box, box_area(tight) or box_area(box), DERIVED_NOTE
    side = max(SMALLEST_SIDE * min(size), float((tight[2:] - tight[:2]).max()))
    centre = (tight[:2] + tight[2:]) / 2
    box = clip_box(np.concatenate([centre - side / 2, centre + side / 2]), *size)
    return box, box_area(box), SMALL_NOTE
