"""Boxes written as two corners (x1, y1, x2, y2) in COCO's field for x, y, width, height."""

from pathlib import Path

import numpy as np

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.curation.checks.raw_coco import RawAnnotation, RawFile

_SLACK = 0.02
"""How far a box may reach beyond its picture, or a point beyond its box, as a fraction of the longer side."""
_TIGHTER = 1.3
"""How many times better a box must cover its points as corners to count where it would lie in its picture both ways."""
_LEAST = 2
_SHARE = 0.5


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
    votes = {a.name: vote for a in file.annotations if (vote := _vote(a))}
    signs = [name for name, vote in votes.items() if vote > 0]
    guilty = len(signs) >= _LEAST and len(signs) > _SHARE * len(votes)
    return signs, len(votes) if guilty else 0


def _vote(annotation: RawAnnotation) -> int:
    """1: the box is one of corners, -1: it is x, y, width, height, 0: it cannot be told."""
    box, points, picture = annotation.box, annotation.points, annotation.picture
    if box is None or points is None or picture is None or annotation.entry.get("iscrowd"):
        return 0
    chosen = points[points[:, 2] > 0, :2]
    if len(chosen) == 0 or not box[:2].any():
        return 0
    size = np.array([picture.width, picture.height], float)
    sides = np.concatenate([box[:2], box[:2] + box[2:]])
    as_corners, as_sides = _fits(box, chosen, size), _fits(sides, chosen, size)
    if as_corners and not as_sides:
        return 1
    if as_sides and not as_corners:
        return -1
    if as_corners and as_sides:
        return 1 if _cover(box, chosen) > _TIGHTER * _cover(sides, chosen) else 0
    return 0


def _fits(box: np.ndarray, points: np.ndarray, size: np.ndarray) -> bool:
    """Whether an xyxy box has a size, lies in its picture and holds its points, but for the slack."""
    extent = box[2:] - box[:2]
    if extent.min() <= 0:
        return False
    slack = 1 + _SLACK * extent.max()
    inside = (box[:2] >= -slack).all() and (box[2:] <= size + 1 + _SLACK * size).all()
    return bool(inside and (points >= box[:2] - slack).all() and (points <= box[2:] + slack).all())


def _cover(box: np.ndarray, points: np.ndarray) -> float:
    """Share of an xyxy box that the box around the points takes."""
    return float(np.ptp(points, axis=0).prod() / max((box[2:] - box[:2]).prod(), 1e-9))
