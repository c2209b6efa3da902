"""The labels of a CVAT task: for each category a skeleton and a rectangle, as XML and for the task's Raw editor."""

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np

from kpplugins.data import PoseRecord
from kpplugins.schema import KeypointSchema

_MARGIN = 10
"""Distance of the drawing from the sides of its canvas of 100×100."""


def box_labels(categories: Sequence[str]) -> dict[str, str]:
    """Name the label of each category's rectangle; CVAT requires another name than the skeleton's.

    Args:
        categories: their names.

    Returns:
        Label by category.
    """
    found: dict[str, str] = {}
    for category in categories:
        name = f"{category} box"
        while name in categories or name in found.values():
            name += " box"
        found[category] = name
    return found


def skeleton_svg(schema: KeypointSchema, records: Sequence[PoseRecord]) -> str:
    """Draw the skeleton that CVAT puts under the pointer: circles for keypoints and lines, without ``<svg>``.

    Args:
        schema: names and lines of the K keypoints.
        records: keypoints are drawn at their mean position in these records' boxes; those never labelled on a circle.

    Returns:
        The SVG elements as text.
    """
    places = _places(schema.num_keypoints, records)
    parts = []
    for a, b in schema.skeleton_indices:
        line = {"x1": places[a][0], "y1": places[a][1], "x2": places[b][0], "y2": places[b][1]}
        ends = {"data-type": "edge", "data-node-from": str(a + 1), "data-node-to": str(b + 1)}
        look = {"stroke": "black", "stroke-width": "0.5"}
        parts.append(
            ElementTree.Element("line", {**{k: f"{v:.2f}" for k, v in line.items()}, **look, **ends})
        )
    for i, name in enumerate(schema.keypoints):
        look = {"r": "0.75", "stroke": "black", "fill": "#b3b3b3", "stroke-width": "0.1"}
        place = {"cx": f"{places[i][0]:.2f}", "cy": f"{places[i][1]:.2f}"}
        node = {"data-type": "element node", "data-element-id": str(i + 1), "data-node-id": str(i + 1)}
        parts.append(ElementTree.Element("circle", {**look, **place, **node, "data-label-name": name}))
    return "".join(ElementTree.tostring(p, encoding="unicode", short_empty_elements=False) for p in parts)


def label_specs(schema: KeypointSchema, categories: Sequence[str], svg: str) -> list[dict[str, Any]]:
    """Build the labels as CVAT's Raw editor takes them.

    Args:
        schema: the keypoints.
        categories: their names.
        svg: from ``skeleton_svg``.

    Returns:
        One dict per label, for JSON.
    """
    points = [
        {"name": name, "type": "points", "color": colour, "attributes": []}
        for name, colour in zip(schema.keypoints, _colours(schema), strict=True)
    ]
    skeletons = [
        {"name": name, "type": "skeleton", "attributes": [], "svg": svg, "sublabels": points}
        for name in categories
    ]
    boxes = [
        {"name": name, "type": "rectangle", "attributes": []} for name in box_labels(categories).values()
    ]
    return [*skeletons, *boxes]


def add_labels(
    parent: ElementTree.Element, schema: KeypointSchema, categories: Sequence[str], svg: str
) -> None:
    """Put the labels into ``parent`` as CVAT exports them: points name their skeleton as parent.

    Args:
        parent: the element ``labels``.
        schema: the keypoints.
        categories: their names.
        svg: from ``skeleton_svg``.
    """
    labels = ElementTree.SubElement(parent, "labels")
    for category in categories:
        label = _add(labels, category, "skeleton")
        ElementTree.SubElement(label, "svg").text = svg
        for name, colour in zip(schema.keypoints, _colours(schema), strict=True):
            point = _add(labels, name, "points", colour)
            ElementTree.SubElement(point, "parent").text = category
    for name in box_labels(categories).values():
        _add(labels, name, "rectangle")


def _add(labels: ElementTree.Element, name: str, kind: str, colour: str = "") -> ElementTree.Element:
    label = ElementTree.SubElement(labels, "label")
    ElementTree.SubElement(label, "name").text = name
    if colour:
        ElementTree.SubElement(label, "color").text = colour
    ElementTree.SubElement(label, "type").text = kind
    ElementTree.SubElement(label, "attributes")
    return label


def _colours(schema: KeypointSchema) -> list[str]:
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in schema.colors]


def _places(k: int, records: Sequence[PoseRecord]) -> np.ndarray:
    """Place the keypoints on the canvas: (K, 2) x, y."""
    turns = np.arange(k) / k * 2 * np.pi
    places = 0.5 + 0.5 * np.stack([np.sin(turns), -np.cos(turns)], axis=1)
    if records:
        points = np.stack([record.keypoints for record in records])
        boxes = np.stack([record.bbox for record in records])
        labelled = (points[..., 2] > 0)[..., None]
        extent = np.maximum(boxes[:, None, 2:] - boxes[:, None, :2], 1e-9)
        relative = np.where(labelled, (points[..., :2] - boxes[:, None, :2]) / extent, 0)
        counts = labelled.sum(axis=0)
        places = np.where(counts > 0, relative.sum(axis=0) / np.maximum(counts, 1), places)
    return _MARGIN + (100 - 2 * _MARGIN) * np.clip(places, 0, 1)
