"""Find the flip pairs of a keypoint set from the shapes of its instances alone.

Mirrored instances are laid on their nearest real neighbours; the keypoints that come to lie on each other most closely,
over all instances, are partners. That gives better neighbours, and so on, until nothing changes (as in iterative
closest point). A pair is proposed only if every other way to pair its keypoints is clearly worse.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from kpplugins.schema.flip_evidence import MIN_INSTANCES, Shapes, alternatives, compare_swaps, strangeness
from kpplugins.schema.keypoint_schema import KeypointSchema
from kpplugins.structures.procrustes import fit

_LIMIT = 150
"""Most instances. With 150, a share of 0.7 is five standard deviations from a half."""

_STEPS = 8
_NEIGHBOURS = 3
_TURNS = 24
_STARTS = 5
_FAR = 4.0
"""Cost of two keypoints that are never seen together: the square of a shape's diameter."""


@dataclass(frozen=True)
class FlipProposal:
    """What the shapes say about the flip pairs.

    Attributes:
        pairs: of names, in the order of the schema.
        doubtful: pairs of names of which the shapes do not clearly tell whether they are partners.
        instances: number of instances that were compared; below ``MIN_INSTANCES`` nothing is proposed.
        strangeness: see ``strangeness``; 0 if the mirrored instances look like real ones.
    """

    pairs: tuple[tuple[str, str], ...]
    doubtful: frozenset[tuple[str, str]]
    instances: int
    strangeness: float

    @property
    def is_clear(self) -> bool:
        """Return whether the mirrored instances look like real ones and every pair is clear, or that there is none."""
        if self.instances < MIN_INSTANCES or self.strangeness:
            return False
        return not self.doubtful & set(self.pairs) if self.pairs else not self.doubtful


def propose_pairs(
    points: np.ndarray, labelled: np.ndarray, schema: KeypointSchema, seed: int = 0
) -> FlipProposal:
    """Find the flip pairs under which the mirrored instances look most like real ones.

    Args:
        points: (N, K, 2) pixels, (x, y).
        labelled: (N, K) boolean.
        schema: of the K keypoints; its pairs are one start of the search.
        seed: of the random choice of at most 150 instances.

    Returns:
        The pairs, and how clear they are.
    """
    shapes = Shapes(points, labelled.astype(bool), _LIMIT, seed)
    names = schema.keypoints
    if shapes.count < MIN_INSTANCES:
        return FlipProposal((), frozenset(), shapes.count, 0.0)
    upright = shapes.are_upright
    found = [_refined(shapes, start, upright) for start in _starts(shapes, schema, upright)]
    ends = list({tuple(swap): swap for swap in found}.values())
    ends.sort(key=lambda swap: float(np.nanmedian(shapes.nearest(swap, _ALL, upright))))
    best = ends[0]
    unclear: set[tuple[int, int]] = set()
    for other in [*ends[1:], *alternatives(best)]:
        if not compare_swaps(shapes, best, other, upright).is_refuted:
            unclear |= _pairs_of(best) ^ _pairs_of(other)
    named = [(names[a], names[b]) for a, b in sorted(_pairs_of(best))]
    doubtful = frozenset((names[a], names[b]) for a, b in unclear)
    strange = strangeness(shapes, best) or (upright and strangeness(shapes, best, upright=True))
    return FlipProposal(tuple(named), doubtful, shapes.count, strange)


_ALL = np.zeros(0, int)


def _pairs_of(swap: np.ndarray) -> set[tuple[int, int]]:
    return {(i, int(j)) for i, j in enumerate(swap) if i < j}


def _starts(shapes: Shapes, schema: KeypointSchema, upright: bool) -> Iterator[np.ndarray]:
    """Yield the schema's pairs, no pairs, and the best ways to lay the mirrored mean or fullest shape on itself."""
    yield np.array(schema.flip_indices)
    yield np.arange(schema.num_keypoints)
    seen = np.maximum(shapes.mask.sum(axis=0), 1)
    mean = shapes.places.sum(axis=0) / seen
    fullest = shapes.places[shapes.mask.sum(axis=1).argmax()]
    costs: list[tuple[float, np.ndarray]] = []
    for shape in (mean, fullest):
        for turn in np.exp(2j * np.pi * np.arange(1 if upright else _TURNS) / _TURNS):
            cost = np.abs(shape[:, None] + turn * np.conj(shape)[None]) ** 2
            swap = _involution(cost + cost.T)
            costs.append((float(cost[np.arange(len(swap)), swap].sum()), swap))
    yield from (swap for _, swap in sorted(costs, key=lambda item: item[0])[:_STARTS])


def _refined(shapes: Shapes, swap: np.ndarray, upright: bool) -> np.ndarray:
    for _ in range(_STEPS):
        better = _involution(_cost(shapes, swap, upright))
        if (better == swap).all():
            break
        swap = better
    return swap


def _cost(shapes: Shapes, swap: np.ndarray, upright: bool) -> np.ndarray:
    """Return how far (K, K) each mirrored keypoint falls from each keypoint of the nearest real instances."""
    distance = shapes.mirrored(swap, upright)
    mirrored, has = -np.conj(shapes.places), shapes.mask
    fits = fit(mirrored[:, swap], has[:, swap], shapes.places, has, 1, 0.0)
    near = np.argsort(distance, axis=1)[:, :_NEIGHBOURS]
    rows = np.repeat(np.arange(shapes.count), near.shape[1])
    columns = near.ravel()
    good = np.isfinite(distance[rows, columns])
    rows, columns = rows[good], columns[good]
    turn = fits.cross[rows, columns].conj() / fits.spread[rows, columns]
    turn = np.maximum(turn.real, 1e-6) if upright else turn
    laid = (mirrored[rows] - fits.here[rows, columns, None]) * turn[:, None] + fits.there[rows, columns, None]
    far = np.minimum(np.abs(shapes.places[columns][:, :, None] - laid[:, None, :]) ** 2, _FAR)
    both = has[columns][:, :, None] & has[rows][:, None, :]
    times = both.sum(axis=0)
    cost = np.where(times > 0, (far * both).sum(axis=0) / np.maximum(times, 1), _FAR)
    return cost + cost.T


def _involution(cost: np.ndarray) -> np.ndarray:
    """Return the indices (K,) of the cheapest assignment, with what it does not exchange in pairs paired by gain."""
    chosen = linear_sum_assignment(cost)[1]
    swap = np.arange(len(cost))
    mutual = chosen[chosen] == swap
    swap[mutual] = chosen[mutual]
    rest = np.flatnonzero(~mutual)
    gains = sorted(
        (cost[i, j] - (cost[i, i] + cost[j, j]) / 2, int(i), int(j)) for i in rest for j in rest if i < j
    )
    for gain, i, j in gains:
        if gain < 0 and swap[i] == i and swap[j] == j:
            swap[i], swap[j] = j, i
    return swap
