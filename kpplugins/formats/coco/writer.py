"""COCO keypoints: ``images`` and one file in ``annotations`` per split."""

import json
from collections import Counter
from pathlib import Path

from kpplugins.data import PoseRecord
from kpplugins.data.coco.writer import coco_annotation, coco_category, coco_image
from kpplugins.data.splits import SPLITS
from kpplugins.formats.writing.content import Content
from kpplugins.formats.writing.folder import Lay
from kpplugins.formats.writing.limits import lost_scores
from kpplugins.structures.geometry import xyxy_to_xywh

UNDIVIDED = "keypoints"
"""Name of the file for images that are in no split."""


def write_plain_coco(content: Content, made: Path, lay: Lay) -> Counter[str]:
    """Write ``images`` and ``annotations/{train,val,test}.json``, or ``annotations/keypoints.json`` where undivided.

    Ids are unique over all files.

    Args:
        content: what to write.
        made: the new folder.
        lay: puts the images there.

    Returns:
        What the format cannot hold, with counts.
    """
    lay({path: f"images/{name}" for path, name in content.names.items()})
    (made / "annotations").mkdir()
    for file, whole in coco_contents(content).items():
        (made / "annotations" / f"{file}.json").write_text(json.dumps(whole), encoding="utf-8")
    return lost_scores(content)


def coco_contents(content: Content) -> dict[str, dict[str, list[dict]]]:
    """Build the content of the files; ids are unique over all of them, in the order of images and their records.

    Args:
        content: what to write.

    Returns:
        By the file's name without ending, ``train``, ``val``, ``test`` or ``keypoints``: ``images``, ``annotations``
        and ``categories``.
    """
    numbers = {name: i for i, name in enumerate(content.categories, 1)}
    schema = content.reading.schema
    own = {name: content.reading.category_keypoints.get(name, schema.keypoints) for name in numbers}
    used = set(content.split_names.values())
    files = [*(SPLITS if used - {""} else ()), *([UNDIVIDED] if "" in used else ())]
    images: dict[str, list[dict]] = {name: [] for name in files}
    annotations: dict[str, list[dict]] = {name: [] for name in files}
    count = 0
    for i, image in enumerate(content.images, 1):
        file = content.split_names[image.path] or UNDIVIDED
        images[file].append(coco_image(image, i, content.names[image.path], content.reading))
        for record in content.records_of(image):
            count += 1
            points = schema.indices_of(own[record.category])
            annotations[file].append(_annotation(record, count, i, numbers[record.category], points))
    categories = [coco_category(schema.subset(own[name]), i, name) for name, i in numbers.items()]
    return {
        file: {"images": images[file], "annotations": annotations[file], "categories": categories}
        for file in files
    }


def _annotation(record: PoseRecord, number: int, image_id: int, category_id: int, points: list[int]) -> dict:
    """Build an annotation as the converter does, with enough digits that no box loses its size."""
    box = [float(f"{side:.9g}") for side in xyxy_to_xywh(record.bbox)]
    return {**coco_annotation(record, number, image_id, category_id, points), "bbox": box}
