"""Check for implausible keypoints: outside the image, in its corner, two at one place; and visibility and counts."""

import numpy as np

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.data.rule import AppliedRule

_SMALL = 20.0
"""Longer extent in pixels below which two keypoints may well fall on one pixel."""
_LISTED = 6


def keypoints_outside_image(material: Material) -> list[Finding]:
    """Report instances with labelled keypoints outside the image; the reader treats these as unlabelled.

    Args:
        material: the data set.

    Returns:
        One finding per instance.
    """
    found = []
    for i, record in enumerate(material.records):
        count = record.rules.count(AppliedRule.KEYPOINT_OUTSIDE)
        if count:
            what = f"{count} labelled keypoint{'s are' if count > 1 else ' is'} outside the image."
            todo = "move them, or leave them unlabelled; for now they count as unlabelled"
            found.append(material.about(i, "point-outside-image", "suspect", what, todo))
    return found


def in_the_corner(material: Material) -> list[Finding]:
    """Report keypoints labelled at exactly (0, 0), where absent keypoints are usually written.

    Args:
        material: the data set.

    Returns:
        One finding per instance.
    """
    names, found = material.reading.schema.keypoints, []
    corner = material.labelled & (material.points == 0).all(axis=2)
    for i in np.flatnonzero(corner.any(axis=1)):
        what = f"Labelled at (0, 0), the corner of the image: {_list(names, corner[i])}."
        todo = "set the visibility of absent keypoints to 0"
        found.append(material.about(int(i), "point-at-origin", "harmful", what, todo))
    return found


def at_one_place(material: Material) -> list[Finding]:
    """Report instances in which two keypoints have exactly the same coordinates.

    Args:
        material: the data set.

    Returns:
        One finding per instance; instances smaller than 20 pixels are skipped.
    """
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


def copied(material: Material) -> list[Finding]:
    """Report instances that repeat another one of their image, keypoint by keypoint.

    Args:
        material: the data set.

    Returns:
        One finding per copy.
    """
    seen: dict[tuple[object, ...], int] = {}
    found = []
    for i in np.flatnonzero(material.labelled.sum(axis=1) > 1):
        record, has = material.records[i], material.labelled[i]
        key = (record.image, record.category, has.tobytes(), material.points[i, has].tobytes())
        if seen.setdefault(key, int(i)) != i:
            what = (
                "All its keypoints are those of another instance in the image: the same one, annotated twice."
            )
            todo = "delete one of the two; a model finds it once, so the other counts as missed"
            found.append(material.about(int(i), "instance-copied", "suspect", what, todo))
    return found


def visibility(material: Material) -> list[Finding]:
    """Report a data set in which all keypoints have the same visibility.

    Args:
        material: the data set.

    Returns:
        One note, or nothing.
    """
    labelled = [r for r in material.records if r.num_labelled and not r.crowd]
    values = {int(v) for r in labelled for v in np.unique(r.keypoints[:, 2])}
    if len(values) != 1 or len(labelled) < 2:
        return []
    value = values.pop()
    return [
        Finding(
            "visibility-constant",
            "note",
            f"Every keypoint has visibility {value}: absent and occluded ones cannot be told apart.",
            "if the annotation tool can mark a keypoint as occluded or absent, export that too",
            material.source,
        )  # fmt: skip
    ]


def stated_counts(material: Material) -> list[Finding]:
    """Report COCO annotations whose ``num_keypoints`` is not the number of labelled keypoints.

    Args:
        material: the data set.

    Returns:
        One finding per annotation.
    """
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
                    f"num_keypoints is {stated!r}, but {count} keypoints are labelled.",
                    f"write {count}; tools that trust the number skip instances with 0",
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
