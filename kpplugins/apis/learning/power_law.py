"""A power law through the errors of a learning curve: error = a·n^-b + c, with all that the points leave open."""

import math
from dataclasses import dataclass

import numpy as np

from kpplugins.structures import BadInputError

DRAWS = 50_000
EXPONENTS = (0.05, 1.0)
"""Of learning curves; Hestness et al. (arXiv 1712.00409) found 0.07 to 0.35, and smaller sets fall faster."""
NOISES = (0.005, 0.2)
"""Standard deviation of the error of one training, as a share of it."""
_LEVEL = 0.95


@dataclass(frozen=True)
class PredictedError:
    """The error of one more training on a number of samples.

    Attributes:
        samples: how many.
        error: median of what is possible.
        low: end of the interval of 95 %.
        high: its other end.
    """

    samples: float
    error: float
    low: float
    high: float


@dataclass(frozen=True)
class PowerLaw:
    """The laws that agree with the errors of a learning curve, each with its weight.

    Drawn from uniform b and logarithm of the noise, and c from 0 to the least error, more often near 0 (the square of a
    uniform share). Each is weighed by its likelihood with normal relative noise; ``a``, in which the law is linear, is
    drawn from what the points say of it then. So no law is fitted exactly, and three points do not pretend to determine
    three parameters.

    Attributes:
        a: (D,), of samples in units of ``unit``.
        b: (D,).
        c: (D,) the error with samples without end.
        noise: (D,) relative standard deviation of one training.
        weights: (D,) sum 1.
        unit: number of samples, the geometric mean of the points'.
        seed: of the draws.
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    noise: np.ndarray
    weights: np.ndarray
    unit: float
    seed: int

    @classmethod
    def fit(cls, samples: np.ndarray, errors: np.ndarray, seed: int = 0, draws: int = DRAWS) -> "PowerLaw":
        """Weigh the laws by the errors of trainings.

        Args:
            samples: (P,) numbers of samples; at least three different ones.
            errors: (P,) of a training on each, positive.
            seed: of the draws.
            draws: how many laws.

        Returns:
            The laws.

        Raises:
            BadInputError: there are fewer than three sizes, or an error that is not positive.
        """
        samples, errors = np.asarray(samples, float), np.asarray(errors, float)
        if len(set(samples.tolist())) < 3 or not (np.isfinite(errors) & (errors > 0)).all():
            raise BadInputError(
                "no curve through these errors", expected="positive errors at three or more sizes",
                found=", ".join(f"{e:.4g} at {n:g}" for n, e in zip(samples, errors, strict=True)),
                todo="train longer, choose another --metric, or give more --fractions",
            )  # fmt: skip
        rng = np.random.default_rng(seed)
        b = rng.uniform(*EXPONENTS, draws)
        c = errors.min() * rng.uniform(0, 1, draws) ** 2
        noise = np.exp(rng.uniform(math.log(NOISES[0]), math.log(NOISES[1]), draws))
        unit = float(np.exp(np.log(samples).mean()))
        falls = (samples / unit) ** -b[:, None]
        # weighted least squares for a; each error's deviation is its share of it
        scaled, rest = falls / errors, (errors - c[:, None]) / errors
        precision = (scaled**2).sum(axis=1)
        best = (scaled * rest).sum(axis=1) / precision
        misfit = ((rest - best[:, None] * scaled) ** 2).sum(axis=1)
        # the integral over a leaves one degree of freedom less
        log = -misfit / (2 * noise**2) - (len(errors) - 1) * np.log(noise) - np.log(precision) / 2
        a = best + rng.normal(0, 1, draws) * noise / np.sqrt(precision)
        weights = np.where(a > 0, np.exp(log - log.max()), 0.0)
        return cls(a, b, c, noise, weights / weights.sum(), unit, seed)

    def predict(self, samples: float) -> PredictedError:
        """Predict the error of one more training.

        Args:
            samples: on how many samples.

        Returns:
            The error and its interval, which holds the noise of that training too.
        """
        law = self.a * (samples / self.unit) ** -self.b + self.c
        values = law * (1 + self.noise * np.random.default_rng(self.seed + 1).normal(0, 1, len(law)))
        shares = [(1 - _LEVEL) / 2, 0.5, (1 + _LEVEL) / 2]
        low, error, high = _weighted_quantiles(values, self.weights, shares)
        return PredictedError(samples, error, low, high)

    @property
    def parameters(self) -> dict[str, tuple[float, float, float]]:
        """Return low end, median and high end of ``b`` and ``c``."""
        shares = [(1 - _LEVEL) / 2, 0.5, (1 + _LEVEL) / 2]
        found = {name: _weighted_quantiles(getattr(self, name), self.weights, shares) for name in ("b", "c")}
        return {name: (low, middle, high) for name, (low, middle, high) in found.items()}


def _weighted_quantiles(values: np.ndarray, weights: np.ndarray, shares: list[float]) -> list[float]:
    """Return the quantiles of weighted values."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    places = np.searchsorted(reached, np.array(shares) * reached[-1])
    return values[order][np.minimum(places, len(values) - 1)].tolist()
