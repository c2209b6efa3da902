"""The labels that a CVAT file declares: which are skeletons, the names of their points, and their lines.

A skeleton's points are ``<label>`` elements with ``<parent>``; its lines are in the SVG text of its own label, as
``data-node-from`` and ``data-node-to``, numbers of nodes that ``data-node-id`` and ``data-label-name`` resolve.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree

from kpplugins.data.parsing.documents import parse_xml
from kpplugins.data.parsing.notes import Notes
from kpplugins.data.parsing.values import as_name
from kpplugins.structures import BadInputError


@dataclass(frozen=True)
class SkeletonLabel:
    """A skeleton label: its points' names, in the order of the file, and its lines as pairs of names."""

    name: str
    points: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]


def skeleton_labels(root: ElementTree.Element, where: str, notes: Notes) -> dict[str, SkeletonLabel]:
    """Read every skeleton that the ``<meta>`` of a CVAT file declares.

    Args:
        root: of the XML document.
        where: the file, for messages.
        notes: lines that join no two points are left out, which is added to it: they are only drawn.

    Returns:
        The labels by name.

    Raises:
        BadInputError: a label without name, or without any points because its SVG is not XML.
    """
    labels = [label for labels in root.findall("./meta//labels") for label in labels.findall("label")]
    points: dict[str, list[str]] = {}
    for label in labels:
        parent = label.findtext("parent")
        if parent:
            points.setdefault(parent.strip(), []).append(_name_of(label, where))
    found = {}
    for label in labels:
        svg = label.findtext("svg")
        if label.findtext("type") != "skeleton" and not svg:
            continue
        name = _name_of(label, where)
        place = f"{where} label {name!r}"
        drawing = _drawing(svg or "", place, notes, needed=name not in points)
        nodes = _nodes(drawing, place)
        names = tuple(dict.fromkeys(points.get(name) or nodes.values()))
        lines, left = _lines(drawing, nodes, names)
        found[name] = SkeletonLabel(name, names, lines)
        if left:
            some = ", ".join(ascii(ends) for ends in left[:3])
            notes.say(f"{place}: {len(left)} skeleton lines join no two keypoints, left out: {some}")
    return found


def used(labels: dict[str, SkeletonLabel], names: Iterable[str]) -> list[SkeletonLabel]:
    """Choose the labels called ``names``; or all if none is found.

    Args:
        labels: by name.
        names: of the skeletons that occur.

    Returns:
        The chosen labels.
    """
    wanted = set(names)
    return [label for label in labels.values() if label.name in wanted] or list(labels.values())


def _name_of(label: ElementTree.Element, where: str) -> str:
    return as_name(label.findtext("name"), "name of a label", where)


def _nodes(drawing: ElementTree.Element, where: str) -> dict[str, str]:
    """Return the names of the nodes by number."""
    return {
        node.get("data-node-id", node.get("data-element-id", "")): as_name(
            node.get("data-label-name"), "data-label-name", where
        )
        for node in drawing.iter("circle")
        if node.get("data-label-name") is not None
    }


def _drawing(svg: str, where: str, notes: Notes, needed: bool) -> ElementTree.Element:
    """Read the SVG; if it is broken and the points are named elsewhere, only the lines are lost."""
    try:
        return parse_xml(f"<svg>{svg}</svg>", where)
    except BadInputError as fault:
        if needed:
            raise
        notes.say(f"{where}: skeleton lines left out: {fault.what}")
        return ElementTree.Element("svg")


def _lines(
    drawing: ElementTree.Element, nodes: dict[str, str], names: tuple[str, ...]
) -> tuple[tuple[tuple[str, str], ...], list[tuple[str | None, str | None]]]:
    """Return the lines as pairs of names, and the ends of those that do not join two of the points."""
    lines: dict[frozenset[str], tuple[str, str]] = {}
    left = []
    for line in drawing.iter("line"):
        ends = line.get("data-node-from"), line.get("data-node-to")
        first, second = (nodes.get(end or "") for end in ends)
        if first not in names or second not in names or first is None or second is None or first == second:
            left.append(ends)
        else:
            lines.setdefault(frozenset((first, second)), (first, second))
    return tuple(lines.values()), left
