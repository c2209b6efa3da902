"""The bias-corrected and accelerated interval (Efron, JASA 82 (1987) 171-185), from resampled values of a number."""

import numpy as np
from scipy.stats import norm

LEVEL = 0.95
"""Of all intervals."""
_LEAST_DEFINED = 0.9
"""Share of the resamples in which a number must be defined."""


def bca_interval(
    estimate: float, resampled: np.ndarray, left_out: np.ndarray, level: float = LEVEL
) -> tuple[float, float] | None:
    """Compute the interval of a number.

    Args:
        estimate: the number of the whole sample.
        resampled: (B,) its values in the resamples; NaN where it is not defined.
        left_out: (J,) its values with one part of the sample left out, each part once; NaN where it is not defined.
        level: probability with which the interval shall hold the number of all that the sample is drawn from.

    Returns:
        Its ends; ``None`` if the number is not defined, in the sample or in more than a tenth of the resamples, or if
        all resamples agree, so that they say nothing.
    """
    values = resampled[np.isfinite(resampled)]
    if not np.isfinite(estimate) or len(values) < max(2, _LEAST_DEFINED * len(resampled)):
        return None
    tolerance = 1e-12 * max(1.0, abs(estimate))
    if np.ptp(values) <= tolerance:
        return None
    same = np.abs(values - estimate) <= tolerance  # half of the ties count as below
    below = ((values < estimate) & ~same).sum() + same.sum() / 2
    shift = norm.ppf(np.clip(below / len(values), 1 / (2 * len(values)), 1 - 1 / (2 * len(values))))
    acceleration = _acceleration(left_out[np.isfinite(left_out)])
    ends = norm.ppf([(1 - level) / 2, (1 + level) / 2]) + shift
    shares = norm.cdf(shift + ends / np.maximum(1 - acceleration * ends, 1e-6))
    low, high = np.quantile(values, shares)
    return float(low), float(high)


def _acceleration(left_out: np.ndarray) -> float:
    """Return a sixth of the skewness of the jackknife's values."""
    if len(left_out) < 2:
        return 0.0
    away = left_out.mean() - left_out
    spread = float((away**2).sum())
    return float((away**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
