"""Check the flip pairs of a schema against the labelled keypoints.

Names only claim what is left and right; this module looks at the shapes. Mirror an instance (x to -x), swap its
keypoints by the flip pairs, and it should look like another instance of the set. If it looks more like one with a pair
undone, or with its keypoints paired differently, the pair is wrong. Shapes are compared by ``structures.procrustes``,
over the keypoints that both have. Each instance is compared with its nearest neighbour, not with a mean shape, because
people are seen from the front and from the back.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from kpplugins.schema.keypoint_schema import ONE_SIDED, KeypointSchema
from kpplugins.structures.errors import BadInputError
from kpplugins.structures.procrustes import as_shapes, fit

AGREES, DISAGREES, UNKNOWN, MISSING, UNSEEN = "agrees", "disagrees", "unknown", "missing", "unseen"

MIN_POINTS = 3
"""Two keypoints have no shape: shift, scale and rotation map any two onto any other two."""

MIN_INSTANCES = 10
"""Ten instances agree by chance once in about 1,000 cases."""

MIN_SHARE = 0.7
"""An alternative must fit better in this share of the instances, however many there are: frames of one video are not
independent, so the test alone would trust a small bias. Correct pairs of real sets (faces, persons, mice)
gave at most 0.15, wrong ones at least 0.84."""

SIGNIFICANCE = 0.01
"""Level of the sign test over all alternatives together (Bonferroni). The test ignores that instances share neighbours:
2.5 % of the sets of 20 to 60 random shapes without sides raised a false alarm, and none of the sets of 200."""

MAX_STRANGENESS = 2.0
"""Mirrored instances farther from the real ones than this, in units of the distance between real neighbours, look like
none of them, if they are also farther than ``_APART`` of all real ones are from each other. Correct pairs of real sets
gave 1.0 to 1.3; simulated walkers seen from one side only, 4 to 35. The frames of one video are so near each other
that a mouse gave 16 with its direction, though it runs in all of them: it is not farther than all are."""

_APART = 90
"""Percentile of the distances between real instances."""

_HAS_EXTENT = 0.5
"""Least distance of a shape's farthest point from its centre: 0 if all its points coincide, else at least 1."""

_COMMON = 0.6
"""Share of an instance's keypoints that a neighbour must have."""

_MAX_INSTANCES = 400
_WORK = 1e7
"""Comparisons of two shapes for one round over all alternatives; large keypoint sets use fewer instances."""

_ROUNDS = 8
"""Most alternatives applied one after the other, plus one for each keypoint that has a partner."""

_EVEN = (0.35, 0.65)
"""Shares at which swapping and not swapping fit equally well."""

_UPRIGHT = 0.7
"""Mean length of the turns that lay instances on each other, from which they count as upright: directions count then,
as only they tell a mirrored card from one turned upside down, and a mouse that runs left from one that runs right.
Faces and persons gave 0.85 to 0.97, a mouse from above 0.1."""

_SLOTS = 4
"""Where two ways to swap differ in more keypoints than these, an instance need not have them all."""

_EVEN_INSTANCES = 30
"""With this many, a share of 0.5 is four standard deviations from 0.15, the highest share of a correct pair."""


@dataclass(frozen=True)
class PairEvidence:
    """What the geometry of a set says about one flip pair.

    Attributes:
        pair: the two names.
        instances: number of instances that could be compared.
        share: fraction of them that, mirrored, look more like a real instance when the pair is undone or (verdicts
            ``disagrees`` and ``missing``) its keypoints are paired differently; 0 supports the pair, 1 refutes it.
        verdict: ``agrees``, ``disagrees``, ``unknown``, ``missing`` (a pair that the schema lacks but should have) or
            ``unseen`` (no instance looks like a mirrored one).
        reason: one sentence.
        doubtful: the verdict is ``unknown`` for a reason worth a warning.
    """

    pair: tuple[str, str]
    instances: int
    share: float
    verdict: str
    reason: str
    doubtful: bool = False


def flip_evidence(
    points: np.ndarray, labelled: np.ndarray, schema: KeypointSchema, seed: int = 0
) -> list[PairEvidence]:
    """Test each flip pair of a schema against N instances.

    Starting from the schema's pairs, the alternative that improves the nearest-neighbour distances most is applied,
    repeatedly, while one is clearly better: by a sign test over the instances (``SIGNIFICANCE``) and in at least
    ``MIN_SHARE`` of them. An alternative undoes one pair, re-pairs the keypoints of two pairs (or of a pair and a
    single keypoint), pairs two single keypoints, or undoes all pairs. Pairs that are gone at the end disagree. If the
    mirrored instances still look like no real one (``MAX_STRANGENESS``), all verdicts are ``unseen``.

    Args:
        points: (N, K, 2) pixels, (x, y).
        labelled: (N, K) boolean.
        schema: of the K keypoints.
        seed: of the random choice of at most 400 instances.

    Returns:
        One entry per flip pair, in the schema's order, then the missing pairs.

    Raises:
        BadInputError: the arrays do not have the shapes of N instances of the schema's K keypoints.
    """
    _check(points, labelled, schema)
    start = np.array(schema.flip_indices)
    number = max(1, sum(1 for _ in alternatives(start)))
    shapes = Shapes(points, labelled.astype(bool), int(math.sqrt(_WORK / number)), seed)
    if shapes.count < MIN_INSTANCES:
        few = f"{shapes.count} instances have {MIN_POINTS} labelled keypoints; {MIN_INSTANCES} are needed"
        return [PairEvidence(pair, shapes.count, math.nan, UNKNOWN, few) for pair in schema.flip_pairs]
    end, lost = _climb(shapes, start)
    directed = shapes.are_upright and (end == start).all()
    strange = strangeness(shapes, end) or (directed and strangeness(shapes, end, upright=True))
    evidence = [_pair_evidence(shapes, schema, pair, end, lost, strange) for pair in schema.flip_pairs]
    if not strange:
        evidence += _missing(schema, start, end, lost)
    return evidence


def apply_evidence(
    schema: KeypointSchema, evidence: Sequence[PairEvidence]
) -> tuple[KeypointSchema, list[str]]:
    """Remove flip pairs by evidence; their keypoints, and those of missing pairs, become ``unpaired``.

    A set whose mirrored instances look like none of the real ones becomes ``one-sided``.

    Args:
        schema: with the pairs that were tested.
        evidence: from ``flip_evidence``.

    Returns:
        The schema, unchanged if nothing speaks against flips, and warnings.
    """
    against = [e for e in evidence if e.verdict in (DISAGREES, MISSING, UNSEEN)]
    said: dict[str, list[str]] = {}
    for e in evidence:
        if e in against:
            text = f"flips are off: {{}}: {e.reason}{_CURE[e.verdict]}"
        elif e.doubtful:
            text = f"flip pairs not confirmed ({{}}): {e.reason}"
        else:
            continue
        said.setdefault(text, []).append("/".join(e.pair))
    warnings = [text.replace("{}", ", ".join(pairs), 1) for text, pairs in said.items()]
    if not against:
        return schema, warnings
    if against[0].verdict == UNSEEN:
        return replace(schema, flips=ONE_SIDED), warnings
    names = {name for e in against for name in e.pair} | set(schema.unpaired)
    kept = tuple(pair for pair in schema.flip_pairs if not names & set(pair))
    names |= {name for pair in schema.flip_pairs if pair not in kept for name in pair}
    return replace(
        schema, flip_pairs=kept, unpaired=tuple(n for n in schema.keypoints if n in names)
    ), warnings


_CURE = {
    DISAGREES: "; if the names are right, check that the keypoints are labelled accordingly; "
    "edit flip_pairs and unpaired in schema.json",
    MISSING: "; if they are left and right counterparts, add them to flip_pairs in schema.json "
    "and remove them from unpaired",
    UNSEEN: "; to flip them all the same: --flip-pairs a:b …",
}


class Shapes:
    """Instances with at least three labelled keypoints (two where there are no more) as complex vectors.

    Args:
        points: (N, K, 2) pixels, (x, y).
        labelled: (N, K) boolean.
        limit: most instances, clamped to 50 to 400.
        seed: of the random choice.

    Attributes:
        places: (N, K) complex, see ``as_shapes``.
        mask: (N, K) boolean.
        count: N.
    """

    def __init__(self, points: np.ndarray, labelled: np.ndarray, limit: int, seed: int) -> None:
        chosen = np.flatnonzero(labelled.sum(axis=1) >= min(MIN_POINTS, labelled.shape[1]))
        limit = min(_MAX_INSTANCES, max(50, limit))
        if len(chosen) > limit:
            chosen = np.sort(np.random.default_rng(seed).choice(chosen, limit, replace=False))
        mask = labelled[chosen]
        shapes = as_shapes(points[chosen], mask)
        good = np.abs(shapes).max(axis=1, initial=0) > _HAS_EXTENT
        self.places, self.mask = shapes[good], mask[good]
        self.count = len(self.places)

    def nearest(self, swap: np.ndarray, slots: np.ndarray, upright: bool = False) -> np.ndarray:
        """Return the distance (N,) of each instance, mirrored and swapped by ``swap``, to the nearest other one.

        Args:
            swap: (K,) indices.
            slots: keypoints that both must have.
            upright: compare directions, too: the instances are not turned onto each other.

        Returns:
            (N,), NaN where an instance lacks ``slots`` or has no neighbour.
        """
        has = self.mask[:, slots].all(axis=1)
        both = has & self.mask[:, swap][:, slots].all(axis=1)
        return _least(np.where(both[:, None] & has, self.mirrored(swap, upright), np.inf))

    @property
    def are_upright(self) -> bool:
        """Return whether the instances have one direction; of two keypoints only directions can be compared."""
        if self.mask.shape[1] == 2:
            return True
        turns = fit(self.places, self.mask, self.places, self.mask, MIN_POINTS, _COMMON)
        known = np.isfinite(turns.distance)
        return bool(known.any()) and bool(abs(np.exp(1j * np.angle(turns.cross[known])).mean()) > _UPRIGHT)

    def mirrored(self, swap: np.ndarray, upright: bool = False) -> np.ndarray:
        """Return the distances (N, N) of mirrored instances to the others; infinity to itself and where unknown.

        Args:
            swap: (K,) indices.
            upright: see ``nearest``.

        Returns:
            Distances: rows are the mirrored instances.
        """
        return self._apart(-np.conj(self.places[:, swap]), self.mask[:, swap], upright)

    def real(self, upright: bool = False) -> np.ndarray:
        """Return the distances (N, N) between the instances as they are; infinity to itself and where unknown.

        Args:
            upright: see ``nearest``.

        Returns:
            Distances.
        """
        return self._apart(self.places, self.mask, upright)

    def _apart(self, shapes: np.ndarray, mask: np.ndarray, upright: bool) -> np.ndarray:
        distance = _distances(shapes, mask, self.places, self.mask, upright)
        np.fill_diagonal(distance, np.inf)
        return distance


def _least(distance: np.ndarray) -> np.ndarray:
    best = distance.min(axis=1, initial=np.inf)
    return np.where(np.isfinite(best), best, np.nan)


def _distances(
    a: np.ndarray, a_has: np.ndarray, b: np.ndarray, b_has: np.ndarray, upright: bool = False
) -> np.ndarray:
    """Compute the distances (N, M) of shapes (N, K) and (M, K), over the n keypoints that both have.

    For unrelated shapes the square is (n - 2) / (n - 1) on average; it is divided by that, so that distances over few
    and over many keypoints are comparable. Not turned onto each other (``upright``), shapes have one more degree of
    freedom. Infinite if too few keypoints are common.
    """
    fits = fit(a, a_has, b, b_has, min(MIN_POINTS - upright, a.shape[1]), _COMMON)
    freedom = np.maximum(2 * (fits.common - 2) + upright, 1)
    distance = fits.upright_distance if upright else fits.distance
    return distance * np.sqrt(2 * np.maximum(fits.common - 1, 1) / freedom)


@dataclass(frozen=True)
class SwapComparison:
    """How many instances fit one of two ways to swap better.

    Attributes:
        better: the instances that fit the second way better.
        total: the instances that could be compared.
        gain: median of the log ratio of the distances.
    """

    better: int
    total: int
    gain: float

    @property
    def share(self) -> float:
        """Return ``better`` as a fraction of ``total``; NaN for none."""
        return self.better / self.total if self.total else math.nan

    def is_clear(self, tests: int) -> bool:
        """Tell whether it is better in most instances, and not by chance given ``tests`` tests."""
        return (
            self.total >= MIN_INSTANCES
            and self.share >= MIN_SHARE
            and _chance(self.better, self.total) * tests < SIGNIFICANCE
        )

    @property
    def is_refuted(self) -> bool:
        """Return whether the second way is clearly worse."""
        return SwapComparison(self.total - self.better, self.total, -self.gain).is_clear(1)


_Causes = dict[tuple[int, int], tuple[SwapComparison, bool]]


def compare_swaps(
    shapes: Shapes, swap: np.ndarray, other: np.ndarray, upright: bool = False
) -> SwapComparison:
    """Compare two ways to swap keypoints, instance by instance; ties do not count.

    Args:
        shapes: the instances.
        swap: (K,) indices.
        other: (K,) other indices.
        upright: see ``Shapes.nearest``.

    Returns:
        In how many instances ``other`` is better.
    """
    slots = np.flatnonzero(swap != other)
    before, after = (
        shapes.nearest(s, slots if len(slots) <= _SLOTS else slots[:0], upright) for s in (swap, other)
    )
    known = ~np.isnan(before) & ~np.isnan(after) & (np.abs(before - after) > 1e-9)
    before, after = before[known], after[known]
    gain = float(np.median(np.log((before + 1e-9) / (after + 1e-9)))) if len(before) else 0.0
    return SwapComparison(int((after < before).sum()), len(before), gain)


def _chance(better: int, total: int) -> float:
    """Return the probability of at least ``better`` heads in ``total`` tosses of a fair coin."""
    return sum(math.comb(total, k) for k in range(better, total + 1)) / 2**total


def alternatives(swap: np.ndarray) -> Iterator[np.ndarray]:
    """Find every way to undo a pair, to re-pair the keypoints of two units, or to undo all pairs.

    Args:
        swap: (K,) indices.

    Yields:
        Other indices.
    """
    pairs = [(i, int(j)) for i, j in enumerate(swap) if i < j]
    units: list[tuple[int, ...]] = [*pairs, *((i,) for i, j in enumerate(swap) if i == j)]
    if len(pairs) > 1:
        yield np.arange(len(swap))
    for pair in pairs:
        yield _paired(swap, pair, [])
    for one, two in combinations(units, 2):
        for a in one[:1]:
            for b in two:
                rest = [p for p in (*one, *two) if p not in (a, b)]
                yield _paired(swap, (*one, *two), [(a, b), *([tuple(rest)] if len(rest) == 2 else [])])  # type: ignore[list-item]
        if len(one) == 2 and len(two) == 1:
            yield _paired(swap, (*one, *two), [(one[1], two[0])])


def _paired(swap: np.ndarray, free: tuple[int, ...], pairs: list[tuple[int, int]]) -> np.ndarray:
    """Return ``swap`` with the keypoints ``free`` single, except for ``pairs``."""
    other = swap.copy()
    other[list(free)] = free
    for a, b in pairs:
        other[a], other[b] = b, a
    return other


def _climb(shapes: Shapes, start: np.ndarray) -> tuple[np.ndarray, _Causes]:
    """Find the best flip indices from ``start``; for each changed pair, the comparison and whether all were undone."""
    swap, causes = start, _Causes()
    for _ in range(_ROUNDS + int((start != np.arange(len(start))).sum())):
        others = list(alternatives(swap))
        compared = [(compare_swaps(shapes, swap, other), other) for other in others]
        clear = [c for c in compared if c[0].is_clear(len(others)) and c[0].gain > 0]
        if not clear:
            break
        comparison, other = max(clear, key=lambda c: c[0].gain)
        whole = bool((other == np.arange(len(other))).all()) and (swap != other).sum() > 2
        for i in np.flatnonzero(swap != other):
            for partner in (int(swap[i]), int(other[i])):
                causes[min(int(i), partner), max(int(i), partner)] = (comparison, whole)
        swap = other
    return swap, causes


def strangeness(shapes: Shapes, swap: np.ndarray, upright: bool = False) -> float:
    """Measure how much farther the mirrored instances are from the real ones than these are from each other.

    Args:
        shapes: the instances.
        swap: (K,) indices of the mirrored keypoints.
        upright: see ``Shapes.nearest``.

    Returns:
        The ratio of the distances; 0 where the mirrored instances look like real ones (``MAX_STRANGENESS``).
    """
    real, mirrored = shapes.real(upright), _least(shapes.mirrored(swap, upright))
    nearest = _least(real)
    known = ~np.isnan(nearest) & ~np.isnan(mirrored)
    if not known.any():
        return 0.0
    middle = float(np.median(mirrored[known]))
    ratio = middle / max(float(np.median(nearest[known])), 1e-3)
    apart = float(np.percentile(real[np.isfinite(real)], _APART))
    return ratio if ratio > MAX_STRANGENESS and middle > apart else 0.0


def _pair_evidence(
    shapes: Shapes,
    schema: KeypointSchema,
    pair: tuple[str, str],
    end: np.ndarray,
    causes: _Causes,
    strange: float,
) -> PairEvidence:
    a, b = sorted(schema.indices_of(pair))
    if strange:
        why = (
            f"mirrored instances look like none of the real ones, whatever is swapped ({strange:.0f} times as far "
            "from them as they are from each other): all are seen from one side, or keypoints are misnamed"
        )
        return PairEvidence(pair, shapes.count, math.nan, UNSEEN, why)
    if end[a] != b:
        cause, whole = causes[a, b]
        better = "without any swap" if whole else _instead(schema, (a, b), end)
        why = f"{cause.better} of {cause.total} instances, mirrored, fit better {better}"
        return PairEvidence(pair, cause.total, cause.share, DISAGREES, why)
    undone = compare_swaps(shapes, end, _paired(end, (a, b), []))
    for_it = undone.total - undone.better
    counts = f"{for_it} of {undone.total} instances, mirrored, fit better with the two swapped"
    if undone.total < MIN_INSTANCES:
        few = f"{undone.total} instances have both and a third keypoint; {MIN_INSTANCES} are needed"
        return PairEvidence(pair, undone.total, undone.share, UNKNOWN, few)
    if 1 - undone.share >= MIN_SHARE and _chance(for_it, undone.total) < SIGNIFICANCE:
        return PairEvidence(pair, undone.total, undone.share, AGREES, counts)
    even = undone.total >= _EVEN_INSTANCES and _EVEN[0] <= undone.share <= _EVEN[1]
    why = counts + (
        ", the others without: the names of the two sides may be swapped in some of the instances"
        if even
        else ": too few to tell"
    )
    return PairEvidence(pair, undone.total, undone.share, UNKNOWN, why, doubtful=even)


def _instead(schema: KeypointSchema, pair: tuple[int, int], end: np.ndarray) -> str:
    """Describe what to swap in place of a pair."""
    names = schema.keypoints
    found = sorted({(min(i, int(end[i])), max(i, int(end[i]))) for i in pair if end[i] != i})
    if not found:
        return "without swapping them"
    return "with " + " and ".join(f"{names[i]}/{names[j]}" for i, j in found) + " swapped instead"


def _missing(
    schema: KeypointSchema, start: np.ndarray, end: np.ndarray, causes: _Causes
) -> list[PairEvidence]:
    """Find pairs of keypoints that the schema leaves single."""
    found = []
    for i, j in enumerate(end):
        if i < j and start[i] == i and start[j] == j:
            cause = causes[i, int(j)][0]
            why = (
                f"in no flip pair, but {cause.better} of {cause.total} instances, mirrored, fit better with the two "
                "swapped"
            )
            pair = (schema.keypoints[i], schema.keypoints[int(j)])
            found.append(PairEvidence(pair, cause.total, cause.share, MISSING, why))
    return found


def _check(points: np.ndarray, labelled: np.ndarray, schema: KeypointSchema) -> None:
    n, k = len(points), schema.num_keypoints
    if points.shape != (n, k, 2) or labelled.shape != (n, k):
        raise BadInputError(
            "keypoints do not match the schema", where=f"schema {schema.name!r}",
            expected=f"(N, {k}, 2) and (N, {k})", found=f"{points.shape} and {labelled.shape}",
        )  # fmt: skip
