"""Probabilities from the scores of K keypoints."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kpplugins.structures.visibility.score_curve import ScoreCurve

ENOUGH = 20
"""Number of yes and of no from which a curve is learnt."""


@dataclass(frozen=True)
class KeypointCurves:
    """A curve for each of K keypoints; those with little to learn from share the shape of one.

    Attributes:
        curves: K curves.
        shared: K: the curve is that of all keypoints, fitted to the keypoint's own share of yes.
    """

    curves: tuple[ScoreCurve, ...]
    shared: tuple[bool, ...]

    @classmethod
    def fit(cls, scores: np.ndarray, truth: np.ndarray, known: np.ndarray) -> "KeypointCurves | None":
        """Fit the curves.

        Args:
            scores: (N, K).
            truth: (N, K) boolean.
            known: (N, K) boolean; the others are not used.

        Returns:
            The curves; ``None`` if all keypoints together have fewer than ``ENOUGH`` yes or no.
        """
        if not _enough(truth[known]):
            return None
        everything = ScoreCurve.fit(scores[known], truth[known])
        curves, shared = [], []
        for k, rows in enumerate(known.T):
            own, yes = scores[rows, k], truth[rows, k]
            shared.append(not _enough(yes))
            curves.append(everything.for_share(own, yes, ENOUGH) if shared[-1] else ScoreCurve.fit(own, yes))
        return cls(tuple(curves), tuple(shared))

    @property
    def thresholds(self) -> np.ndarray:
        """Return (K,) least probabilities at which to answer yes."""
        return np.array([curve.threshold for curve in self.curves])

    def at(self, scores: np.ndarray) -> np.ndarray:
        """Return the probabilities (N, K) at scores (N, K)."""
        found = [curve.at(scores[:, k]) for k, curve in enumerate(self.curves)]
        return np.stack(found, axis=1) if found else np.zeros_like(scores)

    def answers(self, scores: np.ndarray) -> np.ndarray:
        """Return (N, K) boolean: the probabilities at scores (N, K) reach the thresholds."""
        return self.at(scores) >= self.thresholds

    def to_dict(self) -> dict[str, Any]:
        """Return the curves as plain data."""
        return {"curves": [curve.to_dict() for curve in self.curves], "shared": list(self.shared)}

    @classmethod
    def from_dict(cls, raw: Any) -> "KeypointCurves":
        """Read what ``to_dict`` returned; raises as ``ScoreCurve.from_dict`` does."""
        found = cls(
            tuple(ScoreCurve.from_dict(c) for c in raw["curves"]), tuple(bool(s) for s in raw["shared"])
        )
        if len(found.curves) != len(found.shared):
            raise ValueError("`curves` and `shared` are of different numbers")
        return found


def _enough(truth: np.ndarray) -> bool:
    return min(int(truth.sum()), int((~truth).sum())) >= ENOUGH
