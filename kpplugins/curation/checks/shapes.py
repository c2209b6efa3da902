"""Find instances of similar shape; ``structures.procrustes`` measures how similar."""

import numpy as np

from kpplugins.structures.procrustes import Fits, fit

NEIGHBOURS = 0.1
"""Share of the other instances that must be near. The nearest alone is not enough: if one label in twenty is wrong in
the same way, the wrong ones are each other's nearest."""

_LEAST_NEIGHBOURS = 3
_LEAST_REFERENCES = 12
_LEAST_COMMON = 0.7
"""Share of an instance's labelled keypoints that a neighbour must have too."""


def fit_neighbours(
    shapes: np.ndarray, has: np.ndarray, references: np.ndarray, they_have: np.ndarray, least: int
) -> Fits:
    """Fit every reference onto every shape, by at least ``least`` and 70 % of the shape's keypoints.

    Args:
        shapes: (Q, K) complex, see ``as_shapes``.
        has: (Q, K) boolean; only these keypoints count.
        references: (R, K) complex.
        they_have: (R, K) boolean.
        least: fewest common keypoints that a fit needs.

    Returns:
        The fits of all pairs, arrays of (Q, R); see ``fit``.
    """
    return fit(shapes, has, references, they_have, least, _LEAST_COMMON)


def reach(distance: np.ndarray) -> np.ndarray:
    """Return the distance within which a tenth of the references are, and at least three.

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
