"""Points that cannot be meant: outside, in the corner, two at one place; and what visibility and counts say."""

import numpy as np

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.data.rule import Rule

_SMALL = 20.0
"""Longer extent in pixels below which two points may well fall on one pixel."""
_LISTED = 6


def outside_image(material: Material) -> list[Finding]:
    """Instances with labelled points outside the image, which the reader takes as unlabelled."""
    found = []
    for i, record in enumerate(material.records):
        count = record.rules.count(Rule.KEYPOINT_OUTSIDE)
        if count:
            what = f"{count} labelled point{'s lie' if count > 1 else ' lies'} outside the image."
            todo = "move them, or leave them unlabelled; as it is they count as unlabelled"
            found.append(material.about(i, "point-outside-image", "suspect", what, todo))
    return found


def in_the_corner(material: Material) -> list[Finding]:
    """Labelled points at exactly (0, 0): a point that is absent has visibility 0 as well."""
    names, found = material.reading.schema.keypoints, []
    corner = material.labelled & (material.points == 0).all(axis=2)
    for i in np.flatnonzero(corner.any(axis=1)):
        what = f"Labelled at (0, 0), the corner of the image: {_list(names, corner[i])}."
        todo = "set the visibility of absent points to 0"
        found.append(material.about(int(i), "point-at-origin", "harmful", what, todo))
    return found


def at_one_place(material: Material) -> list[Finding]:
    """Instances of some size in which two points have exactly the same place."""
    names, found = material.reading.schema.keypoints, []
    large = np.nan_to_num(material.extents[:, 2:] - material.extents[:, :2]).max(axis=1) >= _SMALL
    for i in np.flatnonzero(large):
        has = np.flatnonzero(material.labelled[i] & (material.points[i] != 0).any(axis=1))
        _, inverse, counts = np.unique(
            material.points[i, has], axis=0, return_inverse=True, return_counts=True
        )
        twice = np.zeros(len(names), bool)
        twice[has[counts[inverse.reshape(-1)] > 1]] = True
        if twice.any():
            what = f"At exactly the same place: {_list(names, twice)}."
            todo = "place them one by one, or leave the one that cannot be seen unlabelled"
            found.append(material.about(int(i), "points-at-one-place", "suspect", what, todo))
    return found


def visibility(material: Material) -> list[Finding]:
    """Every point of every labelled instance with one and the same visibility."""
    labelled = [r for r in material.records if r.num_labelled and not r.crowd]
    values = {int(v) for r in labelled for v in np.unique(r.keypoints[:, 2])}
    if len(values) != 1 or len(labelled) < 2:
        return []
    value = values.pop()
    return [
        Finding(
            "visibility-constant",
            "note",
            f"Every point has visibility {value}: nothing is absent and nothing is told apart as occluded.",
            "if the annotation tool can say that a point is hidden or absent, export that too",
            material.source,
        )  # fmt: skip
    ]


def stated_counts(material: Material) -> list[Finding]:
    """COCO annotations whose ``num_keypoints`` is not the number of labelled points."""
    found = []
    for file in material.raw:
        for a in file.annotations:
            stated, points = a.entry.get("num_keypoints"), a.points
            if stated is None or points is None or a.instance is None:
                continue
            count = int((points[:, 2] > 0).sum())
            if stated == count:
                continue
            found.append(
                Finding(
                    "num-keypoints",
                    "suspect",
                    f"num_keypoints says {stated!r}, and {count} points are labelled.",
                    f"write {count}; tools that trust the number leave instances with 0 out",
                    file.path,
                    None if a.image is None else a.image.path,
                    a.name,
                    a.instance,
                )  # fmt: skip
            )
    return found


def _list(names: tuple[str, ...], chosen: np.ndarray) -> str:
    places = np.flatnonzero(chosen)
    return ", ".join(names[k] for k in places[:_LISTED]) + (", …" if len(places) > _LISTED else "")
