"""COCO files in which each keypoint is an annotation of its own, with a category of its own.

RectLabel and CVAT write points that belong to no skeleton so: ``{"category_id": NOSE, "keypoints": [x, y, 2]}``, or
without ``keypoints``, as a ``segmentation`` of one point in a box of at most one pixel.
"""

from typing import Any

from kpplugins.data.parsing.values import as_number, as_numbers, coco_id
from kpplugins.structures import BadInputError

_PIXEL = 1.0
"""Largest side of a box that is no more than a point."""


def single_point_names(content: dict[str, Any]) -> dict[str, str]:
    """Tell whether each keypoint of a file is an annotation of its own, and how the keypoints are called.

    Args:
        content: what the COCO file holds.

    Returns:
        The name of the keypoint by the ``coco_id`` of its category; empty where the file is an ordinary one.
    """
    own = {key: c for c in content["categories"] if (key := coco_id(c.get("id"))) is not None}
    if any("flips" in category for category in own.values()):
        return {}  # written by this project, which has all keypoints of an instance in one annotation
    listed = {key: c.get("keypoints") or [] for key, c in own.items()}
    points = {}
    for annotation in content["annotations"]:
        if not isinstance(annotation, dict) or not is_point(annotation):
            if isinstance(annotation, dict) and annotation.get("keypoints"):
                return {}
            continue
        key = coco_id(annotation.get("category_id"))
        if key not in own or not isinstance(listed[key], list) or len(listed[key]) > 1:
            return {}
        names = [str(name).casefold() for name in listed[key]]
        if not _is_small(annotation.get("bbox")) and str(own[key].get("name")).casefold() not in names:
            return {}
        points[key] = own[key]
    if len(points) < 2:
        return {}
    order = [key for key, c in own.items() if key in points or len(listed[key]) == 1]
    names = [str(listed[key][0]) if listed[key] else "" for key in order]
    if "" in names or len(set(names)) < len(names):
        names = [str(own[key].get("name", key)) for key in order]
    return dict(zip(order, names, strict=True)) if len(set(names)) == len(names) else {}


def is_point(annotation: dict[str, Any]) -> bool:
    """Tell whether an annotation is one keypoint and nothing else.

    Args:
        annotation: the entry.

    Returns:
        True for one x, y and visibility; or, without keypoints, a segmentation of one point.
    """
    flat = annotation.get("keypoints")
    if flat:
        return isinstance(flat, list) and len(flat) == 3
    parts = annotation.get("segmentation")
    one = isinstance(parts, list) and len(parts) == 1 and isinstance(parts[0], list) and len(parts[0]) == 2
    return one and _is_small(annotation.get("bbox"))


def point_of(annotation: dict[str, Any], where: str) -> tuple[float, float, float]:
    """Read the keypoint of an annotation that ``is_point``.

    Args:
        annotation: the entry.
        where: for messages.

    Returns:
        x, y in pixels and visibility.

    Raises:
        BadInputError: they are not numbers, or the visibility is not 0, 1 or 2.
    """
    if annotation.get("keypoints"):
        x, y, shown = as_numbers(annotation["keypoints"], "keypoints", where, 3).tolist()
        if shown not in (0, 1, 2):
            raise BadInputError(
                "visibility must be 0, 1 or 2", where=where, found=f"{shown:g}", todo="label it again"
            )
        return x, y, shown
    x, y = (as_number(v, "segmentation", where) for v in annotation["segmentation"][0])
    return x, y, 2.0


def _is_small(box: Any) -> bool:
    """Tell whether a box is missing or at most a pixel."""
    if not isinstance(box, list) or len(box) != 4:
        return True
    return all(isinstance(side, (int, float)) and side <= _PIXEL for side in box[2:])
