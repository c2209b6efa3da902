"""The labels that a CVAT file declares: which are skeletons, the names of their points, and their lines.

A skeleton's points are ``<label>`` elements with ``<parent>``; its lines are in the SVG text of its own label, as
``data-node-from`` and ``data-node-to``, numbers of nodes that ``data-node-id`` and ``data-label-name`` resolve.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree

from kpplugins.data.parsing.documents import parse_xml
from kpplugins.data.parsing.values import as_name
from kpplugins.structures import BadInputError


@dataclass(frozen=True)
class SkeletonLabel:
    """A skeleton label: its points' names, in the order of the file, and its lines as pairs of names."""

    name: str
    points: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]


def skeleton_labels(root: ElementTree.Element, where: str) -> dict[str, SkeletonLabel]:
    """Read every skeleton that the ``<meta>`` of a CVAT file declares.

    Args:
        root: of the XML document.
        where: the file, for messages.

    Returns:
        The labels by name.

    Raises:
        BadInputError: a label without name, SVG that is not XML, or a line to a missing node.
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
        drawing = parse_xml(f"<svg>{svg or ''}</svg>", place)
        nodes = _nodes(drawing, place)
        names = tuple(dict.fromkeys(points.get(name) or nodes.values()))
        found[name] = SkeletonLabel(name, names, _lines(drawing, nodes, names, place))
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


def _lines(
    drawing: ElementTree.Element, nodes: dict[str, str], names: tuple[str, ...], where: str
) -> tuple[tuple[str, str], ...]:
    lines: dict[frozenset[str], tuple[str, str]] = {}
    for line in drawing.iter("line"):
        ends = (nodes.get(line.get("data-node-from", "")), nodes.get(line.get("data-node-to", "")))
        first, second = ends
        if first not in names or second not in names or first is None or second is None or first == second:
            raise BadInputError(
                "line of a skeleton does not join two of its points",
                where=where,
                expected="data-node-from and data-node-to of two nodes",
                found=ascii((line.get("data-node-from"), line.get("data-node-to"))),
                todo="export it again from CVAT",
            )
        lines.setdefault(frozenset((first, second)), (first, second))
    return tuple(lines.values())
