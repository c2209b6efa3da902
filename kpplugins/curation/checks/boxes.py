"""Check that boxes fit their image and their keypoints. Boxes derived from the keypoints are skipped."""

import numpy as np

from kpplugins.curation.checks.corners import corner_files
from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.data.rule import AppliedRule

_LEAST_INSIDE = 0.75
"""Least share of a box that must be inside its image."""
_POINT_MARGIN = 0.2
"""How far a keypoint may be outside its box, as a fraction of the box's longer side: hands reach out of outlines."""
_POINT_PIXELS = 3
_LEAST_ALIKE = 20
_TIMES = 3.0
_DEVIATIONS = 6
_FULL = 0.8
_TODO = "draw the box again around the whole instance"


def boxes_outside_image(material: Material) -> list[Finding]:
    """Report COCO's boxes that are, as written, more than a quarter outside the image.

    Args:
        material: the data set.

    Returns:
        One finding per box, suspect.
    """
    found, skipped = [], corner_files(material)
    for file in material.raw:
        for a in file.annotations if file.path not in skipped else ():
            if (
                a.instance is None
                or a.box is None
                or a.image is None
                or not a.box[2:].all()
                or not material.labelled[a.instance].any()
            ):
                continue
            box = np.concatenate([a.box[:2], a.box[:2] + a.box[2:]])
            cut = np.clip(box, -0.5, np.array([a.image.width, a.image.height] * 2) - 0.5)
            inside = float((cut[2:] - cut[:2]).prod() / max((box[2:] - box[:2]).prod(), 1e-9))
            if inside < _LEAST_INSIDE:
                size = f"{a.image.width}×{a.image.height}"
                what = f"Only {inside:.0%} of the box is inside the image ({size} pixels)."
                found.append(material.about(a.instance, "box-outside-image", "suspect", what, _TODO))
    return found


def without_size(material: Material) -> list[Finding]:
    """Report boxes without width or height, in whose place the reader derives one from the keypoints.

    Args:
        material: the data set.

    Returns:
        One finding per box, suspect.
    """
    what = "The box has no width or no height; one is derived from the keypoints."
    flat = [i for i, r in enumerate(material.records) if AppliedRule.BOX_WITHOUT_SIZE in r.rules]
    return [material.about(i, "box-without-size", "suspect", what, _TODO) for i in flat]


def without_points(material: Material) -> list[Finding]:
    """Report boxes that do not contain their keypoints.

    Args:
        material: the data set.

    Returns:
        One finding per box: harmful if most visible keypoints are outside, suspect if one is far outside.
    """
    points, boxes, names = material.points, material.boxes, material.reading.schema.keypoints
    beyond = np.maximum(boxes[:, None, :2] - points, points - boxes[:, None, 2:]).max(axis=2)
    far = beyond > np.maximum(_POINT_PIXELS, _POINT_MARGIN * _longer(boxes))[:, None]
    visible = material.visible  # outlines, and the boxes around them, are drawn around what can be seen
    outside, far = visible & (beyond > 1), visible & far
    found = []
    for i in _judged(material):
        seen = int(visible[i].sum())
        if outside[i].sum() * 2 > seen and far[i].any():
            what = f"{outside[i].sum()} of its {seen} visible keypoints are outside its box."
            todo = "check whether box and keypoints belong to one instance; " + _TODO
            found.append(material.about(int(i), "box-without-its-points", "harmful", what, todo))
        elif far[i].any():
            listed = ", ".join(names[k] for k in np.flatnonzero(far[i]))
            what = f"Far outside its box: {listed}."
            todo = "move the keypoint, or draw the box again around the whole instance"
            found.append(material.about(int(i), "point-outside-box", "suspect", what, todo))
    return found


def other_size(material: Material) -> list[Finding]:
    """Report boxes that are unusually large or small for the extent of their keypoints.

    Args:
        material: the data set.

    Returns:
        One finding per box that is at least three times larger or smaller than usual in this data set.
    """
    labelled = material.labelled.sum(axis=1)
    extent = _longer(material.extents)
    enough = labelled >= max(2, _FULL * max(labelled, default=0))
    judged = np.array([i for i in _judged(material) if enough[i] and extent[i] > 1], int)
    if len(judged) < _LEAST_ALIKE:
        return []
    ratio = np.log(_longer(material.boxes[judged]) / extent[judged])
    usual = float(np.median(ratio))
    spread = 1.4826 * float(np.median(np.abs(ratio - usual)))
    odd = np.abs(ratio - usual) > max(np.log(_TIMES), _DEVIATIONS * spread)
    found = []
    for i, value in zip(judged[odd], ratio[odd], strict=True):
        what = (
            f"Its box is {np.exp(value):.1f} times as long as the extent of its keypoints;"
            f" the median is {np.exp(usual):.1f} times."
        )
        kind = "box-too-large" if value > usual else "box-too-small"
        found.append(material.about(int(i), kind, "suspect", what, _TODO))
    return found


def _judged(material: Material) -> np.ndarray:
    """Return the indices of records with labelled keypoints and a drawn box, in files whose boxes are trustworthy."""
    skipped = corner_files(material)
    readable = np.array([r.source not in skipped for r in material.records], bool)
    return np.flatnonzero(readable & ~material.derived & material.labelled.any(axis=1))


def _longer(boxes: np.ndarray) -> np.ndarray:
    """Return the (N,) longer sides of (N, 4) xyxy boxes."""
    return (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
