"""CVAT for images 1.1: ``annotations.xml`` for the whole task, and ``labels.json`` to create the task."""

import json
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from kpplugins.data import PoseRecord
from kpplugins.formats.cvat.written_labels import add_labels, box_labels, label_specs, skeleton_svg
from kpplugins.formats.writing.content import Content
from kpplugins.formats.writing.folder import Lay
from kpplugins.formats.writing.limits import lost_details, lost_scores


def write_cvat(content: Content, made: Path, lay: Lay) -> Counter[str]:
    """Write ``images``, ``annotations.xml`` and ``labels.json``.

    An instance is a skeleton, labelled with its category, and its box, which share a group. Absent points are
    ``outside``, in the middle of the box; a box without keypoints has a skeleton whose points are all outside.

    Args:
        content: what to write.
        made: the new folder.
        lay: puts the images there.

    Returns:
        What the format cannot hold, with counts.
    """
    lay({path: f"images/{name}" for path, name in content.names.items()})
    schema, categories = content.reading.schema, content.categories
    svg = skeleton_svg(schema, content.reading.records)
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    task = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    ElementTree.SubElement(task, "size").text = str(len(content.images))
    ElementTree.SubElement(task, "mode").text = "annotation"
    add_labels(task, schema, categories, svg)
    boxes = box_labels(categories)
    source = "auto" if content.scores is not None else "manual"
    group = 0
    for i, image in enumerate(content.images):
        node = ElementTree.SubElement(
            root, "image", id=str(i), name=content.names[image.path],
            width=str(image.width), height=str(image.height),
        )  # fmt: skip
        for record in content.records_of(image):
            group += 1
            shared = {"source": source, "occluded": "0", "z_order": "0", "group_id": str(group)}
            _add_box(node, record, boxes[record.category], shared)
            _add_skeleton(node, record, schema.keypoints, shared)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(made / "annotations.xml", encoding="utf-8", xml_declaration=True)
    specs = label_specs(schema, categories, svg)
    (made / "labels.json").write_text(
        json.dumps(specs, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return lost_details(content) + lost_scores(content)


def _add_box(node: ElementTree.Element, record: PoseRecord, label: str, shared: dict[str, str]) -> None:
    sides = zip(("xtl", "ytl", "xbr", "ybr"), record.bbox.tolist(), strict=True)
    ElementTree.SubElement(node, "box", {"label": label, **shared, **{k: _text(v) for k, v in sides}})


def _add_skeleton(
    node: ElementTree.Element, record: PoseRecord, keypoints: tuple[str, ...], shared: dict[str, str]
) -> None:
    skeleton = ElementTree.SubElement(node, "skeleton", {"label": record.category, **shared})
    middle = ((record.bbox[:2] + record.bbox[2:]) / 2).tolist()
    for name, (x, y, visibility) in zip(keypoints, record.keypoints.tolist(), strict=True):
        place = (x, y) if visibility > 0 else middle
        state = {"outside": str(int(visibility == 0)), "occluded": str(int(visibility == 1))}
        where = {"points": ",".join(_text(v) for v in place), "z_order": shared["z_order"]}
        ElementTree.SubElement(
            skeleton, "points", {"label": name, "source": shared["source"], **state, **where}
        )


def _text(value: float) -> str:
    return f"{value:.9g}"
