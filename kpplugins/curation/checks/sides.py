"""Find instances whose left and right keypoints are exchanged.

Each instance is compared with its nearest neighbours in shape rather than with a mean shape, because instances are seen
from the front and from behind. If a tenth of the set or more is exchanged, it is not found: the exchanged instances are
then each other's neighbours.
"""

import numpy as np

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.curation.checks.shapes import fit_neighbours, reach, some_references
from kpplugins.structures.procrustes import as_shapes

_LEAST_POINTS = 4
_TIMES = 1.5
"""How many times closer the exchange must bring the neighbours."""
_DEVIATIONS = 5
_LEAST_SPREAD = 0.15
_REFERENCES = 600
_CHUNK = 2048


def exchanged(material: Material) -> list[Finding]:
    """Report instances that come much closer to their neighbours in shape when flip pairs are exchanged.

    Exchanges of all flip pairs and of each single pair are tried.

    Args:
        material: the data set.

    Returns:
        One finding per instance.
    """
    chosen = np.flatnonzero(material.labelled.sum(axis=1) >= _LEAST_POINTS)
    schema = material.reading.schema
    if not schema.flip_pairs or len(chosen) < _LEAST_POINTS:
        return []
    found = []
    for place, gain, exchange in side_suspects(
        material.points[chosen], material.labelled[chosen], np.array(schema.flip_indices)
    ):
        moved = [f"{a} and {b}" for a, b in schema.flip_pairs if exchange[schema.keypoints.index(a)]]
        whole = len(moved) > 1
        what = f"It fits the other instances {gain:.1f} times better with " + (
            "left and right exchanged throughout." if whole else f"{moved[0]} exchanged."
        )
        todo = "look at the image; if so, exchange the names " + (
            "of all left and right keypoints" if whole else f"of {moved[0]}"
        )
        found.append(material.about(int(chosen[place]), "left-right-exchanged", "suspect", what, todo))
    return found


def side_suspects(
    points: np.ndarray, labelled: np.ndarray, flips: np.ndarray
) -> list[tuple[int, float, np.ndarray]]:
    """Find the instances that fit better after an exchange.

    Args:
        points: (N, K, 2) pixels (x, y).
        labelled: (N, K) boolean.
        flips: K indices, ``KeypointSchema.flip_indices``.

    Returns:
        For each such instance its index, how many times closer the neighbours come, and (K,) boolean: the keypoints
        that change sides.
    """
    nothing: np.ndarray = np.arange(len(flips))
    shapes = as_shapes(points, labelled)
    references = some_references(len(shapes), _REFERENCES)
    before = _reach(shapes, labelled, nothing, references)
    exchanges = [flips] + [_one_pair(flips, k) for k in np.flatnonzero(flips > nothing)]
    after = np.full((len(exchanges), len(shapes)), np.inf)
    for row, exchange in enumerate(exchanges):
        changes = labelled[:, exchange != nothing].any(axis=1)
        after[row, changes] = _reach(shapes, labelled, exchange, references, np.flatnonzero(changes))
    after[np.isnan(after)] = np.inf
    best = after.argmin(axis=0)
    gain = before / np.maximum(after.min(axis=0), 1e-3)
    usable = np.isfinite(gain) & (gain > 0)
    if not usable.any():
        return []
    logs = np.log(gain[usable])
    spread = max(_LEAST_SPREAD, 1.4826 * float(np.median(np.abs(logs - np.median(logs)))))
    limit = max(np.log(_TIMES), float(np.median(logs)) + _DEVIATIONS * spread)
    odd = np.flatnonzero(usable)[logs > limit]
    return [(int(i), float(gain[i]), exchanges[best[i]] != nothing) for i in odd]


def _one_pair(flips: np.ndarray, k: int) -> np.ndarray:
    exchange = np.arange(len(flips))
    exchange[[k, flips[k]]] = flips[k], k
    return exchange


def _reach(
    shapes: np.ndarray, labelled: np.ndarray, exchange: np.ndarray, references: np.ndarray,
    rows: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Return how near the neighbours of the chosen rows are after an exchange; an instance is not its own neighbour."""
    rows, found = np.arange(len(shapes)) if rows is None else rows, []
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        distance = fit_neighbours(
            shapes[part][:, exchange], labelled[part][:, exchange], shapes[references], labelled[references],
            _LEAST_POINTS,
        ).distance  # fmt: skip
        distance[part[:, None] == references[None]] = np.inf
        found.append(reach(distance))
    return np.concatenate(found) if found else np.zeros(0)
