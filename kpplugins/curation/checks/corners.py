"""Boxes written as two corners (x1, y1, x2, y2) in COCO's field for x, y, width, height."""

from pathlib import Path

import numpy as np

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.curation.checks.raw_coco import RawAnnotation, RawFile
from kpplugins.structures.corner_votes import are_corners, corner_votes


def corner_boxes(material: Material) -> list[Finding]:
    """Files of which most boxes make sense as corners and not as COCO's x, y, width, height."""
    found = []
    for file in material.raw:
        signs, told = corner_signs(file)
        if not told:
            continue
        example = next(a for a in file.annotations if a.name == signs[0])
        found.append(
            Finding(
                "boxes-as-corners",
                "harmful",
                f"{len(signs)} of {told} boxes lie within their picture and around their points only when read as"
                " corners x1, y1, x2, y2; COCO's bbox is x, y, width, height.",
                f"python tools/dataset.py convert {material.source} --out DIR --box-format xyxy; where only some files"
                " are so, write [x1, y1, x2 - x1, y2 - y1] for [x1, y1, x2, y2] in every bbox of this one",
                file.path,
                example.picture.path if example.picture else None,
                example.name,
                example.instance,
            )  # fmt: skip
        )
    return found


def corner_files(material: Material) -> set[Path]:
    """The files that ``corner_boxes`` finds; nothing else that is said of their boxes would mean anything."""
    return {file.path for file in material.raw if corner_signs(file)[1]}


def corner_signs(file: RawFile) -> tuple[list[str], int]:
    """Names of the annotations whose box speaks for corners, and the number of those that speak at all.

    The number is 0 where the file is not taken for one of corners: fewer than two, or not more than half of them.
    """
    speaking = [a for a in file.annotations if _readable(a)]
    written = [a.points for a in speaking if a.points is not None]
    if not written:
        return [], 0
    points = np.zeros((len(speaking), max(map(len, written)), 3))
    for row, own in zip(points, written, strict=True):
        row[: len(own)] = own
    boxes = np.array([a.box for a in speaking], float)
    sizes = np.array([(a.picture.width, a.picture.height) for a in speaking if a.picture], float)
    votes = corner_votes(boxes, points, sizes)
    signs = [a.name for a, vote in zip(speaking, votes, strict=True) if vote > 0]
    return signs, int(np.count_nonzero(votes)) if are_corners(votes) else 0


def _readable(annotation: RawAnnotation) -> bool:
    """Whether it has a box, points and a picture, and is no crowd."""
    whole = annotation.box is not None and annotation.points is not None and annotation.picture is not None
    return whole and not annotation.entry.get("iscrowd")
