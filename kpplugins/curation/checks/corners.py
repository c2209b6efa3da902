"""Boxes written as two corners (x1, y1, x2, y2) in COCO's field for x, y, width, height."""

from pathlib import Path

import numpy as np

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.curation.checks.raw_coco import RawFile
from kpplugins.data.coco.corner_votes import are_corners, corner_votes


def corner_boxes(material: Material) -> list[Finding]:
    """Report files in which most boxes make sense as corners and not as COCO's x, y, width, height.

    Args:
        material: the data set.

    Returns:
        One finding per file.
    """
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
                f"{len(signs)} of {told} boxes fit their image and their keypoints only when read as"
                " corners x1, y1, x2, y2; COCO's bbox is x, y, width, height.",
                f"kpplugins dataset convert {material.source} --out DIR --box-format xyxy; if only some files"
                " are affected, write [x1, y1, x2 - x1, y2 - y1] for [x1, y1, x2, y2] in every bbox of this one",
                file.path,
                example.image.path if example.image else None,
                example.name,
                example.instance,
            )  # fmt: skip
        )
    return found


def corner_files(material: Material) -> set[Path]:
    """Return the files that ``corner_boxes`` reports; other checks skip their boxes.

    Args:
        material: the data set.

    Returns:
        Paths of the annotation files.
    """
    return {file.path for file in material.raw if corner_signs(file)[1]}


def corner_signs(file: RawFile) -> tuple[list[str], int]:
    """Find the annotations of a file whose box looks like two corners.

    Args:
        file: one COCO file.

    Returns:
        Names of the annotations that vote for corners, and the number of annotations that vote either way. The number
        is 0 unless at least two, and more than half, vote for corners.
    """
    told = [
        (a.name, a.box, a.points, (a.image.width, a.image.height))
        for a in file.annotations
        if a.box is not None and a.points is not None and a.image and not a.entry.get("iscrowd")
    ]
    if not told:
        return [], 0
    names, boxes, written, sizes = zip(*told, strict=True)
    points = np.zeros((len(told), max(map(len, written)), 3))
    for row, own in zip(points, written, strict=True):
        row[: len(own)] = own
    votes = corner_votes(np.array(boxes), points, np.array(sizes, float))
    signs = [name for name, vote in zip(names, votes, strict=True) if vote > 0]
    return signs, int(np.count_nonzero(votes)) if are_corners(votes) else 0
