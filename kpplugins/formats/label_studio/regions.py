"""Label Studio's regions: what an instance looks like in ``result``."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kpplugins.data import ImageInfo, PoseRecord

POINT_SIZE = 0.5
"""Size of a drawn keypoint, in percent of the image's width."""
OCCLUDED = "occluded"
"""The choice that says that a keypoint is occluded."""


@dataclass(frozen=True)
class Tags:
    """The names of a labelling configuration's tags, by which regions refer to them.

    Attributes:
        image: of ``Image``.
        boxes: of ``RectangleLabels``; empty if there are none.
        points: of ``KeyPointLabels``.
        visibility: of the ``Choices`` of a region, one of which is ``occluded``; empty if there are none.
    """

    image: str = "image"
    boxes: str = "box"
    points: str = "keypoint"
    visibility: str = "visibility"


OURS = Tags()
"""The names in the configuration that ``write_label_studio`` writes."""


def regions_of(
    record: PoseRecord,
    keypoints: Sequence[str],
    image: ImageInfo,
    key: str,
    tags: Tags = OURS,
    scores: tuple[float, Sequence[float]] | None = None,
) -> list[dict[str, Any]]:
    """Build the keypoints, a choice for each occluded one, and the rectangle that they are under.

    The rectangle comes last: Label Studio gives a click to the first of the regions that lie there, and a keypoint
    below a rectangle could not be dragged.

    Args:
        record: the instance.
        keypoints: K names.
        image: the image.
        key: the id of the rectangle, with which those of the other regions begin.
        tags: what the regions refer to; where a tag has no name, there are no regions for it.
        scores: of a prediction: that of the instance, and those of its K keypoints.

    Returns:
        The regions, in Label Studio's form: places in percent of the image's width and height.
    """
    left, top, right, bottom = record.bbox.tolist()
    sides = {
        "x": left * 100 / image.width,
        "y": top * 100 / image.height,
        "width": (right - left) * 100 / image.width,
        "height": (bottom - top) * 100 / image.height,
        "rotation": 0,
    }
    found: list[dict[str, Any]] = []
    parent: dict[str, Any] = {"parentID": key} if tags.boxes else {}
    for i, (x, y, visibility) in enumerate(record.keypoints.tolist()):
        if visibility == 0:
            continue
        name = f"{key}-{i}"
        place = {"x": _percent(x, image.width), "y": _percent(y, image.height), "width": POINT_SIZE}
        value = {**place, "keypointlabels": [keypoints[i]]}
        more = parent if scores is None else {**parent, "score": round(float(scores[1][i]), 4)}
        found.append(_region(image, name, "keypointlabels", tags.points, tags.image, value, **more))
        if visibility == 1 and tags.visibility:
            choice = {**place, "choices": [OCCLUDED]}
            found.append(_region(image, name, "choices", tags.visibility, tags.image, choice))
    if tags.boxes:
        value = {**sides, "rectanglelabels": [record.category]}
        own = {} if scores is None else {"score": round(float(scores[0]), 4)}
        found.append(_region(image, key, "rectanglelabels", tags.boxes, tags.image, value, **own))
    return found


def _region(
    image: ImageInfo, key: str, kind: str, tag: str, to: str, value: dict[str, Any], **more: Any
) -> dict[str, Any]:
    size = {"original_width": image.width, "original_height": image.height, "image_rotation": 0}
    return {"id": key, "type": kind, "from_name": tag, "to_name": to, "value": value, **size, **more}


def _percent(value: float, size: int) -> float:
    """Return a percentage that never reads as more than ``value`` pixels: a keypoint on the last one stays inside."""
    percent = value * 100 / size
    while percent * size / 100 > value:
        percent = math.nextafter(percent, 0)
    return percent
