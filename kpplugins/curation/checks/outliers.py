"""Find single keypoints far from where instances of the same shape have them."""

import numpy as np

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.curation.checks.shapes import fit_neighbours, reach, some_references
from kpplugins.structures.procrustes import as_shapes

LEAST_POINTS = 5
_LEAST_COMMON = 4
LEAST_INSTANCES = 30
_LEAST_OFF = 0.2
"""Least distance that counts, in root mean square radii of the instance's other keypoints."""
_DEVIATIONS = 4
_LEAST_SPREAD = 0.25
_GAIN = 1.5
"""How many times closer the neighbours in shape must come when the keypoint is left out."""
_FLOOR = 0.02
_WORK = 1e8
_REFERENCES = (100, 500)
_CHUNK = 2048


def outliers(material: Material) -> list[Finding]:
    """Report misplaced keypoints.

    Args:
        material: the data set.

    Returns:
        At most one finding per instance.
    """
    chosen = np.flatnonzero(material.labelled.sum(axis=1) >= LEAST_POINTS)
    if len(chosen) < LEAST_INSTANCES:
        return []
    names, found = material.reading.schema.keypoints, []
    for place, k, off in outlier_suspects(material.points[chosen], material.labelled[chosen]):
        what = (
            f"{names[k]} is {off:.1f} times the size of the other keypoints away from where instances of this"
            " shape have it."
        )
        todo = f"look at the image and move {names[k]}, or leave it unlabelled if it cannot be seen"
        found.append(material.about(int(chosen[place]), "point-outlier", "suspect", what, todo))
    return found


def outlier_suspects(points: np.ndarray, labelled: np.ndarray) -> list[tuple[int, int, float]]:
    """Find the misplaced keypoints of N instances.

    Each keypoint is predicted from the instances that are nearest in shape without it.

    Args:
        points: (N, K, 2) pixels (x, y).
        labelled: (N, K) boolean.

    Returns:
        Index of the instance, index of the keypoint, and its distance in units of the root mean square radius of the
        other keypoints.
    """
    n, k = labelled.shape
    shapes = as_shapes(points, labelled)
    references = some_references(n, int(np.clip(_WORK / (n * k), *_REFERENCES)))
    off, without = np.full((n, k), np.nan), np.full((n, k), np.nan)
    whole = np.full(n, np.nan)
    for start in range(0, n, _CHUNK):
        rows = np.arange(start, min(n, start + _CHUNK))
        distance = fit_neighbours(
            shapes[rows], labelled[rows], shapes[references], labelled[references], _LEAST_COMMON
        ).distance
        distance[rows[:, None] == references[None]] = np.inf
        whole[rows] = reach(distance)
        for j in range(k):
            off[rows, j], without[rows, j] = _foretell(shapes, labelled, rows, references, j)
    logs = np.log(np.maximum(off, _FLOOR))
    score = np.full((n, k), -np.inf)
    for j in range(k):
        known = np.isfinite(logs[:, j])
        if known.sum() >= LEAST_INSTANCES:
            usual = np.median(logs[known, j])
            spread = max(_LEAST_SPREAD, 1.4826 * float(np.median(np.abs(logs[known, j] - usual))))
            score[known, j] = (logs[known, j] - usual) / spread
    worst, rows = score.argmax(axis=1), np.arange(n)
    with np.errstate(invalid="ignore"):
        gain = whole / np.maximum(without[rows, worst], 1e-3)
        odd = (score[rows, worst] > _DEVIATIONS) & (off[rows, worst] > _LEAST_OFF) & (gain > _GAIN)
    return [(int(i), int(worst[i]), float(off[i, worst[i]])) for i in np.flatnonzero(odd)]


def _foretell(
    shapes: np.ndarray, labelled: np.ndarray, rows: np.ndarray, references: np.ndarray, j: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far keypoint ``j`` is from where the nearest quarter of the neighbours puts it, and their distance."""
    has = labelled[rows].copy()
    has[:, j] = False
    fits = fit_neighbours(shapes[rows], has, shapes[references], labelled[references], _LEAST_COMMON)
    distance = np.where(labelled[references, j][None], fits.distance, np.inf)
    distance[rows[:, None] == references[None]] = np.inf
    radius = reach(distance)
    near = distance <= radius[:, None]
    place = fits.turn * (shapes[references, j][None] - fits.there) + fits.here
    off = np.where(near, np.abs(place - shapes[rows, j][:, None]) / fits.size, np.inf)
    quarter = np.maximum(np.ceil(0.25 * near.sum(axis=1)).astype(int) - 1, 0)
    found = np.sort(off, axis=1)[np.arange(len(rows)), quarter]
    return np.where(labelled[rows, j] & np.isfinite(found), found, np.nan), radius
