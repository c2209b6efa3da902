"""A probability from a score."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ScoreCurve:
    """A monotone map from the scores of a model, on any scale, to the probability of what they speak for.

    Attributes:
        scores: M scores, ascending.
        probabilities: M probabilities at these scores, ascending, 0 to 1; linear between, constant beyond.
        threshold: least probability at which to answer yes.
        yes: number of true answers that the curve was fitted to.
        no: number of false ones.
    """

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]
    threshold: float
    yes: int
    no: int

    @classmethod
    def fit(cls, scores: np.ndarray, truth: np.ndarray) -> "ScoreCurve":
        """Fit the curve by isotonic regression (pool adjacent violators; Zadrozny and Elkan, KDD 2002).

        With n samples, no probability is below 1 / (n + 2) or above 1 minus that, the rule of succession. The threshold
        is half of the best F1 that any threshold reaches, which it then reaches, too (Lipton, Elkan and Naryanaswamy,
        ECML PKDD 2014).

        Args:
            scores: (n,), n at least 1.
            truth: (n,) boolean, with at least one that is true.

        Returns:
            The curve.
        """
        values, where, counts = np.unique(
            np.asarray(scores, np.float64), return_inverse=True, return_counts=True
        )
        hits = np.bincount(where.ravel(), weights=np.asarray(truth, np.float64), minlength=len(values))
        blocks = pooled(hits, counts)
        margin = 1 / (len(scores) + 2)
        knots: list[tuple[float, float]] = []
        for first, last, hit, count in blocks:
            p = float(np.clip(hit / count, margin, 1 - margin))
            knots += [(float(values[first]), p)] + [(float(values[last]), p)] * (last > first)
        found = np.cumsum([[hit, count] for _, _, hit, count in reversed(blocks)], axis=0)
        yes = int(hits.sum())
        return cls(
            scores=tuple(score for score, _ in knots),
            probabilities=tuple(p for _, p in knots),
            threshold=float((found[:, 0] / (found[:, 1] + yes)).max()),
            yes=yes,
            no=len(scores) - yes,
        )

    def for_share(self, scores: np.ndarray, truth: np.ndarray, weight: float) -> "ScoreCurve":
        """Return the curve for scores that are true more or less often, of which too few are known to fit one.

        The odds are multiplied so that they fit the other share of true ones (Saerens, Latinne and Decaestecker, Neural
        Computation 2002). The threshold is half of the best F1 that the probabilities make expect.

        Args:
            scores: (n,), n at least 0.
            truth: (n,) boolean.
            weight: number of samples that the share of this curve counts for, against the n of the other.

        Returns:
            The curve, with the numbers of these samples.
        """
        share = self.yes / (self.yes + self.no)
        other = (truth.sum() + weight * share) / (len(truth) + weight)
        factor = other / (1 - other) * (1 - share) / share
        before = np.array(self.probabilities)
        odds = factor * before / (1 - before)
        yes = int(truth.sum())
        found = replace(self, probabilities=tuple((odds / (1 + odds)).tolist()), yes=yes, no=len(truth) - yes)
        expected = np.sort(found.at(scores))[::-1]
        if not len(expected):
            return found
        f1 = 2 * np.cumsum(expected) / (np.arange(1, len(expected) + 1) + expected.sum())
        return replace(found, threshold=float(f1.max() / 2))

    def at(self, scores: np.ndarray) -> np.ndarray:
        """Return the probabilities at scores, in their shape."""
        return np.interp(scores, self.scores, self.probabilities)

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as plain data."""
        return {**asdict(self), "scores": list(self.scores), "probabilities": list(self.probabilities)}

    @classmethod
    def from_dict(cls, raw: Any) -> "ScoreCurve":
        """Read what ``to_dict`` returned.

        Args:
            raw: plain data.

        Returns:
            The curve.

        Raises:
            ValueError: it is not a monotone curve of probabilities; also ``TypeError`` or ``KeyError`` for other data.
        """
        scores, probabilities = (np.array(raw[key], np.float64) for key in ("scores", "probabilities"))
        if scores.ndim != 1 or not len(scores) or scores.shape != probabilities.shape:
            raise ValueError("scores and probabilities are of different numbers")
        if not np.isfinite(scores).all() or (np.diff(scores) <= 0).any():
            raise ValueError("scores do not ascend")
        if not ((probabilities >= 0) & (probabilities <= 1)).all() or (np.diff(probabilities) < 0).any():
            raise ValueError("probabilities do not ascend from 0 to 1")
        threshold = float(raw["threshold"])
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold is {threshold:g}")
        return cls(
            tuple(scores.tolist()), tuple(probabilities.tolist()), threshold, int(raw["yes"]), int(raw["no"])
        )


def pooled(hits: np.ndarray, counts: np.ndarray) -> list[tuple[int, int, float, int]]:
    """Merge neighbours until the share of hits ascends (pool adjacent violators).

    Args:
        hits: (n,) numbers ≥ 0.
        counts: (n,) numbers > 0 that they are of.

    Returns:
        Indices of the first and the last neighbour, hits and count of each block.
    """
    blocks: list[tuple[int, int, float, int]] = []
    for i, (hit, count) in enumerate(zip(hits.tolist(), counts.tolist(), strict=True)):
        first, last = i, i
        while blocks and blocks[-1][2] * count >= hit * blocks[-1][3]:
            first, _, more, size = blocks.pop()
            hit, count = hit + more, count + size
        blocks.append((first, last, hit, count))
    return blocks
