"""Label Studio: tasks as JSON, and the labelling configuration to paste into the project."""

import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from kpplugins.data import ImageInfo
from kpplugins.formats.label_studio.regions import OCCLUDED, OURS, regions_of
from kpplugins.formats.writing.content import Content
from kpplugins.formats.writing.folder import Lay
from kpplugins.formats.writing.limits import lost_details
from kpplugins.schema import KeypointSchema

MEDIA = "media"
"""Folder of the images: not ``images``, which the reader would search twice."""


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
            for result in regions_of(record, schema.keypoints, image, f"instance{i}")
        ]
        address = f"/data/local-files/?d={quote(names[image.path])}"
        tasks.append({"data": {OURS.image: address}, **_said(content, image, results)})
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


def _config(schema: KeypointSchema, categories: list[str]) -> str:
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Image", name=OURS.image, value=f"${OURS.image}", zoom="true")
    boxes = ElementTree.SubElement(
        view, "RectangleLabels", name=OURS.boxes, toName=OURS.image, canRotate="false"
    )
    for category in categories:
        ElementTree.SubElement(boxes, "Label", value=category)
    points = ElementTree.SubElement(view, "KeyPointLabels", name=OURS.points, toName=OURS.image)
    for i, (name, (red, green, blue)) in enumerate(zip(schema.keypoints, schema.colors, strict=True)):
        colour = f"#{red:02x}{green:02x}{blue:02x}"
        ElementTree.SubElement(points, "Label", value=name, background=colour, model_index=str(i))
    choices = ElementTree.SubElement(
        view, "Choices", name=OURS.visibility, toName=OURS.image, perRegion="true", choice="multiple",
        visibleWhen="region-selected", whenTagName=OURS.points,
    )  # fmt: skip
    ElementTree.SubElement(choices, "Choice", value=OCCLUDED)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode")
