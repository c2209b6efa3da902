"""LabelMe: a JSON file beside each image."""

import json
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

from kpplugins.data import PoseRecord
from kpplugins.formats.writing.content import Content
from kpplugins.formats.writing.folder import Lay, unlike_stems
from kpplugins.formats.writing.limits import RENAMED, lost_details, lost_scores

_VERSION = "5.5.0"
_OWN_NAMES = ("schema", "splits", "prelabels")
"""The JSON file of an image of this name would replace the keypoint schema, the division or the predictions."""


def write_labelme(content: Content, made: Path, lay: Lay) -> Counter[str]:
    """Write each image and ``NAME.json`` beside it; an image without instances has no shapes.

    An instance is a rectangle, labelled with its category, and a point for each labelled keypoint, all of one
    ``group_id``. Every point has the flag ``occluded``, which LabelMe shows as a checkbox.

    Args:
        content: what to write.
        made: the new folder.
        lay: puts the images there.

    Returns:
        What the format cannot hold, with counts.
    """
    names = unlike_stems(content.names, _OWN_NAMES)
    lay(names)
    for image in content.images:
        name = PurePosixPath(names[image.path])
        shapes: list[dict[str, Any]] = []
        for group, record in enumerate(content.records_of(image), 1):
            shapes += _shapes(record, content.reading.schema.keypoints, group)
        whole: dict[str, Any] = {
            "version": _VERSION,
            "flags": {},
            "shapes": shapes,
            "imagePath": name.name,
            "imageData": None,
            "imageHeight": image.height,
            "imageWidth": image.width,
        }
        path = made / name.with_suffix(".json")
        path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    renamed = sum(names[path] != name for path, name in content.names.items())
    return lost_details(content) + lost_scores(content) + Counter({RENAMED: renamed})


def _shapes(record: PoseRecord, keypoints: tuple[str, ...], group: int) -> list[dict[str, Any]]:
    left, top, right, bottom = record.bbox.tolist()
    shapes = [_shape("rectangle", record.category, [[left, top], [right, bottom]], group, {})]
    for name, (x, y, visibility) in zip(keypoints, record.keypoints.tolist(), strict=True):
        if visibility > 0:
            shapes.append(_shape("point", name, [[x, y]], group, {"occluded": visibility == 1}))
    return shapes


def _shape(
    kind: str, label: str, points: list[list[float]], group: int, flags: dict[str, bool]
) -> dict[str, Any]:
    return {
        "label": label,
        "points": points,
        "group_id": group,
        "description": "",
        "shape_type": kind,
        "flags": flags,
        "mask": None,
    }
