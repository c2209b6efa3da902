"""Probabilities from the scores of K keypoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kpplugins.structures.score_curve import ScoreCurve

ENOUGH = 20
"""Number of yes and of no from which a curve is learnt."""


@dataclass(frozen=True)
class KeypointCurves:
    """A curve for each of K keypoints; those with little to learn from share one.

    Attributes:
        shared: fitted to all keypoints.
        own: K curves; ``None`` takes the shared one.
    """

    shared: ScoreCurve
    own: tuple[ScoreCurve | None, ...]

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
        columns = [known[:, k] for k in range(known.shape[1])]
        if not _enough(truth[known]):
            return None
        own = [
            ScoreCurve.fit(scores[rows, k], truth[rows, k]) if _enough(truth[rows, k]) else None
            for k, rows in enumerate(columns)
        ]
        return cls(ScoreCurve.fit(scores[known], truth[known]), tuple(own))

    @property
    def curves(self) -> tuple[ScoreCurve, ...]:
        """Return K curves."""
        return tuple(self.shared if curve is None else curve for curve in self.own)

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
        return {"shared": self.shared.to_dict(), "own": [curve and curve.to_dict() for curve in self.own]}

    @classmethod
    def from_dict(cls, raw: Any) -> "KeypointCurves":
        """Read what ``to_dict`` returned; raises as ``ScoreCurve.from_dict`` does."""
        own: Sequence[Any] = raw["own"]
        return cls(
            ScoreCurve.from_dict(raw["shared"]),
            tuple(None if curve is None else ScoreCurve.from_dict(curve) for curve in own),
        )


def _enough(truth: np.ndarray) -> bool:
    return min(int(truth.sum()), int((~truth).sum())) >= ENOUGH
