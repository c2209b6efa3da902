"""Find COCO's person keypoint names on something that is not a person.

Data sets are often made by overwriting COCO's own files: the category and the names stay those of a person, while the
keypoints belong to something else. Two signs give this away: a skeleton with lines that no body has, and keypoints that
no posture can explain.
"""

from pathlib import Path

import numpy as np

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import COCO_SIGMAS

_BODY = (
    ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "right_eye"), ("left_eye", "left_ear"),
    ("right_eye", "right_ear"), ("left_ear", "left_shoulder"), ("right_ear", "right_shoulder"),
    ("nose", "left_shoulder"), ("nose", "right_shoulder"), ("left_ear", "right_ear"),
    ("nose", "left_ear"), ("nose", "right_ear"), ("left_shoulder", "right_shoulder"),
    ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"), ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"), ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
    ("left_shoulder", "right_hip"), ("right_shoulder", "left_hip"), ("left_hip", "right_hip"),
    ("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("right_hip", "right_knee"),
    ("right_knee", "right_ankle"),
)  # fmt: skip
"""Skeleton lines that are usual for a body."""

_LEAST_LINES = 4
_LEAST_INSTANCES = 3
_SHARE = 0.5
_ALONG = 0.85
"""Least cosine between a line from left to right and the body's axis at which they count as parallel."""
_LEAST_RULES = 3


def not_a_person(material: Material) -> list[Finding]:
    """Report files that use a person's keypoint names for keypoints or a skeleton that are not a person's.

    Args:
        material: the data set.

    Returns:
        At most one finding per file.
    """
    schema = material.reading.schema
    if not set(COCO_SIGMAS) <= set(schema.keypoints):
        return []
    found = []
    for file in {r.source: None for r in material.records}:
        lines, wrong = strange_lines(schema)
        unlike, judged = _unlike(material, file)
        body_is_wrong = judged >= _LEAST_INSTANCES and len(unlike) > _SHARE * judged
        lines_are_wrong = lines >= _LEAST_LINES and len(wrong) > _SHARE * lines
        if body_is_wrong:
            what = (
                f"{_called(material, file)} and the 17 keypoints have COCO's names for a body, but in {len(unlike)} of"
                f" {judged} instances they are not placed as on a body"
                + (
                    f", and {len(wrong)} of {lines} skeleton lines join what no body joins."
                    if lines_are_wrong
                    else "."
                )
            )
            found.append(_finding(material, "category-not-a-person", "harmful", what, file, unlike[0]))
        elif lines_are_wrong:
            example = ", ".join(f"{a}-{b}" for a, b in wrong[:3])
            what = f"{len(wrong)} of {lines} skeleton lines join what no body joins, e.g. {example}."
            found.append(_finding(material, "skeleton-not-a-person", "suspect", what, file, None))
    return found


def strange_lines(schema: KeypointSchema) -> tuple[int, list[tuple[str, str]]]:
    """Find the skeleton lines that no body has.

    Args:
        schema: keypoint names and skeleton.

    Returns:
        Number of skeleton lines between body keypoints, and those among them that no body has.
    """
    body, names = {frozenset(line) for line in _BODY}, set(COCO_SIGMAS)
    lines = [line for line in schema.skeleton if set(line) <= names]
    return len(lines), [line for line in lines if frozenset(line) not in body]


def body_rules(
    points: np.ndarray, labelled: np.ndarray, names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Apply rules about where the keypoints of a body are, however it is viewed, turned or bent.

    Args:
        points: (N, K, 2) pixels (x, y).
        labelled: (N, K) boolean.
        names: K keypoint names, COCO's 17 among them.

    Returns:
        (N,) number of rules that could be judged, and (N,) number of rules that are broken.
    """
    place = {name: k for k, name in enumerate(names)}

    def at(part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return middle (N, 2), line from left to right (N, 2), its length (N,), and whether both are labelled (N,)."""
        left, right = place[f"left_{part}"], place[f"right_{part}"]
        line = points[:, right] - points[:, left]
        both = labelled[:, left] & labelled[:, right]
        return (points[:, left] + points[:, right]) / 2, line, np.linalg.norm(line, axis=1), both

    eyes, ears, shoulders, hips = at("eye"), at("ear"), at("shoulder"), at("hip")
    knees, ankles = at("knee"), at("ankle")
    nose, has_nose = points[:, place["nose"]], labelled[:, place["nose"]]
    torso, has_torso = _gap(shoulders[0], hips[0]), shoulders[3] & hips[3]
    legs, has_legs = _gap(hips[0], ankles[0]), hips[3] & ankles[3]
    rules = (
        (eyes[3] & shoulders[3], _along(eyes[1], shoulders[0] - eyes[0])),
        (has_torso, _along(shoulders[1], hips[0] - shoulders[0])),
        (has_torso & eyes[3], eyes[2] > 0.8 * np.maximum(torso, shoulders[2])),
        (has_nose & eyes[3] & has_torso, _gap(nose, eyes[0]) > np.maximum(torso, shoulders[2])),
        (eyes[3] & ears[3], _gap(eyes[0], ears[0]) > ears[2] + eyes[2]),
        (has_legs & knees[3], _gap(knees[0], (hips[0] + ankles[0]) / 2) > np.maximum(legs, torso)),
        (has_legs & eyes[3], _gap(eyes[0], shoulders[0]) > np.maximum(torso, shoulders[2]) + 0.5 * legs),
    )
    judged = np.sum([known for known, _ in rules], axis=0)
    return judged, np.sum([known & broken for known, broken in rules], axis=0)


def _unlike(material: Material, file: Path) -> tuple[list[int], int]:
    """Return the indices of a file's instances that break at least half of the rules, and the number judged."""
    rows = np.array([i for i, r in enumerate(material.records) if r.source == file], int)
    names = material.reading.schema.keypoints
    judged, broken = body_rules(material.points[rows], material.labelled[rows], names)
    enough = judged >= _LEAST_RULES
    return rows[enough & (broken * 2 >= judged)].tolist(), int(enough.sum())


def _called(material: Material, file: Path) -> str:
    category = next(r.category for r in material.records if r.source == file)
    return f"The category is called {category!r}"


def _finding(
    material: Material, check: str, severity: str, what: str, file: Path, instance: int | None
) -> Finding:
    todo = (
        "give the category and its keypoints their real names, skeleton and flip_pairs in this file"
        " (categories[].name, .keypoints, .skeleton, .flip_pairs): with COCO's, flips exchange the wrong keypoints"
        " and OKS uses a body's sigmas; convert --category NAME changes only the category"
        if severity == "harmful"
        else "correct categories[].skeleton; COCO counts keypoints from 1"
    )
    if instance is None:
        return Finding(check, severity, what, todo, file)
    return material.about(instance, check, severity, what, todo)


def _gap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.linalg.norm(first - second, axis=1)


def _along(across: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Return (N,) boolean: a line that should cross the body runs along it, and is long enough to judge."""
    long, wide = np.linalg.norm(axis, axis=1), np.linalg.norm(across, axis=1)
    cosine = np.abs((across * axis).sum(axis=1)) / np.maximum(long * wide, 1e-9)
    return (cosine > _ALONG) & (wide > 0.25 * long)
