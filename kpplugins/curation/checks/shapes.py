"""How alike two instances are in shape: 2D full Procrustes on complex numbers, points that lack a label left out.

A shape is (K,) complex numbers x + iy. Place, size and turn of an instance do not count; being mirrored does, so that
left and right stay different.
"""

from dataclasses import dataclass

import numpy as np

NEIGHBOURS = 0.1
"""Share of the other instances that has to be near. A share and not the nearest alone: where one label in twenty is
wrong in the same way, the wrong ones are each other's nearest."""

_LEAST_NEIGHBOURS = 3
_LEAST_REFERENCES = 12
_LEAST_COMMON = 0.7
"""Share of an instance's labelled points that a neighbour must have too."""

_TINY = 1e-9


@dataclass(frozen=True)
class Fits:
    """Similarity fits of R references onto Q shapes, by the points that both have.

    Attributes:
        distance: (Q, R) full Procrustes distance, 0 (alike) to 1; infinity where too few points are common.
        turn: (Q, R) complex factor that turns and scales a reference onto a shape.
        here: (Q, R) complex centre of a shape's common points.
        there: (Q, R) complex centre of a reference's common points.
        size: (Q, R) root mean square distance of a shape's common points from their centre.
    """

    distance: np.ndarray
    turn: np.ndarray
    here: np.ndarray
    there: np.ndarray
    size: np.ndarray


def as_shapes(points: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Turn keypoints into shapes.

    Args:
        points: (N, K, 2) pixels (x, y).
        labelled: (N, K) boolean.

    Returns:
        (N, K) complex x + iy: centred on 0, root mean square radius 1, 0 where unlabelled.
    """
    shapes = np.where(labelled, points[..., 0] + 1j * points[..., 1], 0)
    count = np.maximum(labelled.sum(axis=1, keepdims=True), 1)
    shapes = np.where(labelled, shapes - shapes.sum(axis=1, keepdims=True) / count, 0)
    size = np.sqrt((np.abs(shapes) ** 2).sum(axis=1, keepdims=True) / count)
    return shapes / np.maximum(size, _TINY)


def fit(
    shapes: np.ndarray, has: np.ndarray, references: np.ndarray, they_have: np.ndarray, least: int
) -> Fits:
    """Fit every reference onto every shape.

    Args:
        shapes: (Q, K) complex.
        has: (Q, K) boolean; only these keypoints count.
        references: (R, K) complex.
        they_have: (R, K) boolean.
        least: minimum number of common keypoints; a fit also needs 70 % of the shape's keypoints.

    Returns:
        The (Q, R) fits.
    """
    z, w = np.where(has, shapes, 0), np.where(they_have, references, 0)
    mine, theirs = has.astype(float), they_have.astype(float).T
    common = mine @ theirs
    count = np.maximum(common, 1)
    here, there = (z @ theirs) / count, (mine @ w.T) / count
    cross = z @ w.conj().T - here * there.conj() * count
    spread = np.maximum((np.abs(z) ** 2) @ theirs - np.abs(here) ** 2 * count, _TINY)
    their_spread = np.maximum(mine @ (np.abs(w) ** 2).T - np.abs(there) ** 2 * count, _TINY)
    distance = np.sqrt(np.clip(1 - np.abs(cross) ** 2 / (spread * their_spread), 0, 1))
    enough = common >= np.maximum(least, _LEAST_COMMON * mine.sum(axis=1, keepdims=True))
    return Fits(
        np.where(enough, distance, np.inf), cross / their_spread, here, there, np.sqrt(spread / count)
    )


def reach(distance: np.ndarray) -> np.ndarray:
    """Return the distance within which a tenth of the references lies, and at least three.

    Args:
        distance: (Q, R), infinity where a pair cannot be compared.

    Returns:
        (Q,) distance; NaN where too few references can be compared.
    """
    known = np.isfinite(distance).sum(axis=1)
    place = np.maximum(np.ceil(NEIGHBOURS * known).astype(int), _LEAST_NEIGHBOURS) - 1
    ordered = np.sort(distance, axis=1)
    found = ordered[np.arange(len(distance)), np.minimum(place, distance.shape[1] - 1)]
    return np.where(known >= _LEAST_REFERENCES, found, np.nan)


def some_references(n: int, most: int) -> np.ndarray:
    """Choose reference instances, the same ones every time.

    Args:
        n: number of instances.
        most: maximum number to choose.

    Returns:
        Sorted indices of at most ``most`` instances.
    """
    return np.sort(np.random.default_rng(0).permutation(n)[:most])
