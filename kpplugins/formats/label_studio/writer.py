"""Label Studio: tasks as JSON, and the labelling configuration to paste into the project."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.formats.writing.content import Content
from kpplugins.formats.writing.folder import Lay
from kpplugins.formats.writing.limits import lost_details
from kpplugins.schema import KeypointSchema

MEDIA = "media"
"""Folder of the images: not ``images``, which the reader would search twice."""

_BOXES, _POINTS, _VISIBILITY, _IMAGE = "box", "keypoint", "visibility", "image"
"""Names of the tags of the labelling configuration, by which regions refer to them."""

_POINT_SIZE = 0.5
"""Size of a drawn keypoint, in percent of the image's width."""


def write_label_studio(content: Content, made: Path, lay: Lay) -> Counter[str]:
    """Write ``media``, ``tasks.json`` and ``label_config.xml``.

    A task names its image as a local file, relative to the new folder. Labels become ``annotations``; predictions
    become ``predictions`` with their scores, which Label Studio shows until somebody submits them.

    Args:
        content: what to write.
        made: the new folder.
        lay: puts the images there.

    Returns:
        What the format cannot hold, with counts.
    """
    names = {path: f"{MEDIA}/{name}" for path, name in content.names.items()}
    lay(names)
    schema = content.reading.schema
    tasks = []
    for image in content.images:
        results = [
            result
            for i, record in enumerate(content.records_of(image))
            for result in _results(record, schema.keypoints, image, f"instance{i}")
        ]
        address = f"/data/local-files/?d={quote(names[image.path])}"
        tasks.append({"data": {_IMAGE: address}, **_said(content, image, results)})
    (made / "tasks.json").write_text(json.dumps(tasks, indent=1) + "\n", encoding="utf-8")
    config = _config(schema, content.categories)
    (made / "label_config.xml").write_text(config + "\n", encoding="utf-8")
    return lost_details(content)


def _said(content: Content, image: ImageInfo, results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the ``annotations`` or ``predictions`` of a task."""
    if content.scores is None:
        return {"annotations": [{"result": results, "was_cancelled": False, "ground_truth": False}]}
    scores = content.scores_of(image)
    if not scores:
        return {"predictions": []}
    mean = round(sum(scores) / len(scores), 6)
    return {"predictions": [{"model_version": content.origin, "score": mean, "result": results}]}


def _results(
    record: PoseRecord, keypoints: tuple[str, ...], image: ImageInfo, key: str
) -> list[dict[str, Any]]:
    """Build a rectangle, the keypoints under it, and a choice for each occluded keypoint."""
    left, top, right, bottom = record.bbox.tolist()
    sides = {
        "x": left * 100 / image.width,
        "y": top * 100 / image.height,
        "width": (right - left) * 100 / image.width,
        "height": (bottom - top) * 100 / image.height,
        "rotation": 0,
    }
    found = [_region(image, key, "rectanglelabels", _BOXES, {**sides, "rectanglelabels": [record.category]})]
    for i, (x, y, visibility) in enumerate(record.keypoints.tolist()):
        if visibility == 0:
            continue
        name = f"{key}-{i}"
        place = {"x": _percent(x, image.width), "y": _percent(y, image.height), "width": _POINT_SIZE}
        value = {**place, "keypointlabels": [keypoints[i]]}
        found.append(_region(image, name, "keypointlabels", _POINTS, value, parentID=key))
        if visibility == 1:
            choice = {**place, "choices": ["occluded"]}
            found.append(_region(image, name, "choices", _VISIBILITY, choice))
    return found


def _region(
    image: ImageInfo, key: str, kind: str, tag: str, value: dict[str, Any], **more: Any
) -> dict[str, Any]:
    size = {"original_width": image.width, "original_height": image.height, "image_rotation": 0}
    return {"id": key, "type": kind, "from_name": tag, "to_name": _IMAGE, "value": value, **size, **more}


def _percent(value: float, size: int) -> float:
    """Return a percentage that never reads as more than ``value`` pixels: a keypoint on the last one stays inside."""
    percent = value * 100 / size
    while percent * size / 100 > value:
        percent = math.nextafter(percent, 0)
    return percent


def _config(schema: KeypointSchema, categories: list[str]) -> str:
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Image", name=_IMAGE, value=f"${_IMAGE}", zoom="true")
    boxes = ElementTree.SubElement(view, "RectangleLabels", name=_BOXES, toName=_IMAGE, canRotate="false")
    for category in categories:
        ElementTree.SubElement(boxes, "Label", value=category)
    points = ElementTree.SubElement(view, "KeyPointLabels", name=_POINTS, toName=_IMAGE)
    for i, (name, (red, green, blue)) in enumerate(zip(schema.keypoints, schema.colors, strict=True)):
        colour = f"#{red:02x}{green:02x}{blue:02x}"
        ElementTree.SubElement(points, "Label", value=name, background=colour, model_index=str(i))
    choices = ElementTree.SubElement(
        view, "Choices", name=_VISIBILITY, toName=_IMAGE, perRegion="true", choice="multiple",
        visibleWhen="region-selected", whenTagName=_POINTS,
    )  # fmt: skip
    ElementTree.SubElement(choices, "Choice", value="occluded")
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode")
