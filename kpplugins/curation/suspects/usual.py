"""How far labels and predictions usually are apart, and how likely one is wrong that is further away."""

from dataclasses import dataclass

import numpy as np

from kpplugins.curation.suspects.evidence import Evidence

_BINS, _LEAST_IN_BIN = 8, 40
_LEAST = 20
"""Residuals of a keypoint below which the median of all keypoints stands for its own."""
_FLOOR = 1e-4
_SHAPES = (0.7, 2.0)
"""Exponents of the tail: 2 is that of two normal coordinates, 1 an exponential one."""


@dataclass(frozen=True)
class Usual:
    """Residuals in units of what is usual for their keypoint at their score.

    Attributes:
        z: (N, K), 1 is the median; NaN where there is no label or no prediction.
        scale: (N, K), the usual residual in units of the instance's size.
        shape: exponent c of the tail, ``P(Z > z) = 2 ** -(z ** c)``.
        medians: (K,) the median residual of each keypoint, in units of the instance's size.
    """

    z: np.ndarray
    scale: np.ndarray
    shape: float
    medians: np.ndarray

    def cost(self, z: np.ndarray) -> np.ndarray:
        """Return how surprising residuals are: minus the natural logarithm of the share that is larger; 0 for NaN."""
        return np.log(2) * np.nan_to_num(z) ** self.shape

    @classmethod
    def of(cls, evidence: Evidence) -> "Usual":
        """Measure it.

        The scale is the median residual of the keypoint, times a factor that falls with the score; both from medians,
        so that wrong labels hardly move them. It is at least what the keypoint moves in a second look: the model
        does not know better. The exponent of the tail comes from the median and the 90th percentile.

        Args:
            evidence: labels and predictions.

        Returns:
            The residuals in these units.
        """
        residuals = evidence.residuals
        everything = residuals[np.isfinite(residuals)]
        whole = max(float(np.median(everything)), _FLOOR) if len(everything) else 1.0
        medians = np.full(residuals.shape[1], whole)
        for k in range(residuals.shape[1]):
            own = residuals[np.isfinite(residuals[:, k]), k]
            if len(own) >= _LEAST:
                medians[k] = max(float(np.median(own)), _FLOOR)
        relative = residuals / medians
        scale = np.maximum(
            medians * _factor(relative, evidence.scores), evidence.moved / evidence.size[:, None]
        )
        z = residuals / scale
        known = z[np.isfinite(z)]
        return cls(z, scale, tail_shape(known), medians)


def _factor(relative: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return (N, K) the usual residual at a score, relative to that of the keypoint; it never grows with the score."""
    known = np.isfinite(relative)
    bins = int(min(_BINS, known.sum() // _LEAST_IN_BIN))
    if bins < 2:
        return np.ones_like(relative)
    edges = np.quantile(scores[known], np.linspace(0, 1, bins + 1)[1:-1])
    place = np.searchsorted(edges, scores)
    in_bins = [relative[known & (place == b)] for b in range(bins)]
    medians = np.array([np.median(some) if len(some) else 1.0 for some in in_bins])
    return np.maximum(np.minimum.accumulate(medians), 0.2)[place]


def tail_shape(values: np.ndarray) -> float:
    """Fit the exponent c of ``P(V > v) = 2 ** -((v / median) ** c)`` to the 90th percentile.

    Args:
        values: any number, not negative.

    Returns:
        The exponent, within 0.7 and 2.
    """
    if len(values) < _LEAST:
        return _SHAPES[0]
    median, high = np.quantile(values, [0.5, 0.9])
    ratio = max(high / max(median, 1e-9), 1.01)
    return float(np.clip(np.log(np.log2(10)) / np.log(ratio), *_SHAPES))


def wrong_share(values: np.ndarray, shape: float | None = None) -> np.ndarray:
    """Estimate for each of several values how many as large as it are too many.

    Args:
        values: (M,) not negative; NaN is left out.
        shape: of the tail, in units of the median of the values; ``None`` measures it.

    Returns:
        (M,) 0 to 1: one minus the number as large that is expected by the tail, over the number that is there; never
        smaller for a larger value, 0 for NaN. An expected number E counts as E + √E, as chance may have it; one below
        1/e as -e E ln E, after one has looked for the largest (Sellke, Bayarri and Berger 2001).
    """
    known = np.isfinite(values)
    found = np.zeros(values.shape)
    some = values[known]
    if not len(some):
        return found
    unit = max(float(np.median(some)), 1e-9)
    c = tail_shape(some) if shape is None else shape
    order = np.argsort(some)
    ranked = some[order] / unit
    larger = np.arange(len(ranked), 0, -1)
    expected = np.maximum(len(ranked) * np.exp2(-(ranked**c)), 1e-300)
    rare = expected < np.exp(-1)
    expected = np.where(rare, -np.e * expected * np.log(expected), expected + np.sqrt(expected))
    share = np.clip(1 - expected / larger, 0, 1)
    part = np.empty(len(some))
    part[order] = np.maximum.accumulate(share)
    found[known] = part
    return found
