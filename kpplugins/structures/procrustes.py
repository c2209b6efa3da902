"""How similar shapes are: full Procrustes distances of planar shapes as complex numbers x + iy.

Position, size and rotation do not count; mirroring does, so that left and right stay different (Dryden and Mardia,
Statistical Shape Analysis, 1998). Keypoints that one of two shapes lacks are left out of their comparison.
"""

from dataclasses import dataclass

import numpy as np

_TINY = 1e-9


@dataclass(frozen=True)
class Fits:
    """Similarity fits of R references onto Q shapes, by the keypoints that both have.

    Attributes:
        distance: (Q, R) full Procrustes distance, 0 (the same shape) to 1; infinity if too few keypoints are common or
            these have no extent.
        common: (Q, R) number of common keypoints.
        here: (Q, R) complex centre of a shape's common keypoints.
        there: (Q, R) complex centre of a reference's.
        spread: (Q, R) sum of squared distances of a shape's common keypoints from ``here``.
        their_spread: (Q, R) the same of a reference.
        cross: (Q, R) complex inner product of the two, each centred.
    """

    distance: np.ndarray
    common: np.ndarray
    here: np.ndarray
    there: np.ndarray
    spread: np.ndarray
    their_spread: np.ndarray
    cross: np.ndarray

    @property
    def turn(self) -> np.ndarray:
        """Return the complex factors (Q, R) that rotate and scale a reference onto a shape."""
        return self.cross / self.their_spread

    @property
    def upright_distance(self) -> np.ndarray:
        """Return the distances (Q, R) of shapes that are moved and scaled, but not turned, onto each other."""
        same_way = np.maximum(self.cross.real, 0) ** 2
        distance = np.sqrt(np.clip(1 - same_way / (self.spread * self.their_spread), 0, 1))
        return np.where(np.isfinite(self.distance), distance, np.inf)

    @property
    def size(self) -> np.ndarray:
        """Return the root mean square distances (Q, R) of a shape's common keypoints from their centre."""
        return np.sqrt(self.spread / np.maximum(self.common, 1))


def as_shapes(points: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Convert keypoints to complex shapes, centred on 0 with root mean square radius 1.

    Args:
        points: (N, K, 2) x, y in pixels.
        labelled: (N, K) boolean; only these keypoints count.

    Returns:
        (N, K) complex, 0 where unlabelled.
    """
    shapes = np.where(labelled, points[..., 0] + 1j * points[..., 1], 0)
    count = np.maximum(labelled.sum(axis=1, keepdims=True), 1)
    shapes = np.where(labelled, shapes - shapes.sum(axis=1, keepdims=True) / count, 0)
    size = np.sqrt((np.abs(shapes) ** 2).sum(axis=1, keepdims=True) / count)
    return shapes / np.maximum(size, _TINY)


def fit(
    shapes: np.ndarray,
    has: np.ndarray,
    references: np.ndarray,
    they_have: np.ndarray,
    least: int,
    share: float,
) -> Fits:
    """Fit every reference onto every shape.

    Args:
        shapes: (Q, K) complex, see ``as_shapes``.
        has: (Q, K) boolean; only these keypoints count.
        references: (R, K) complex.
        they_have: (R, K) boolean.
        least: least number of common keypoints.
        share: the share of the shape's keypoints that must be common, too.

    Returns:
        The fits of all pairs, arrays of (Q, R).
    """
    z, w = np.where(has, shapes, 0), np.where(they_have, references, 0)
    mine, theirs = has.astype(float), they_have.astype(float).T
    common = mine @ theirs
    count = np.maximum(common, 1)
    here, there = (z @ theirs) / count, (mine @ w.T) / count
    cross = z @ w.conj().T - here * there.conj() * count
    spread = (np.abs(z) ** 2) @ theirs - np.abs(here) ** 2 * count
    their_spread = mine @ (np.abs(w) ** 2).T - np.abs(there) ** 2 * count
    enough = common >= np.maximum(least, share * mine.sum(axis=1, keepdims=True))
    enough &= (spread > _TINY) & (their_spread > _TINY)
    spread, their_spread = np.maximum(spread, _TINY), np.maximum(their_spread, _TINY)
    distance = np.sqrt(np.clip(1 - np.abs(cross) ** 2 / (spread * their_spread), 0, 1))
    return Fits(np.where(enough, distance, np.inf), common, here, there, spread, their_spread, cross)
