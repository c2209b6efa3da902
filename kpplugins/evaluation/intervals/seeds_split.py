"""Several trainings of one recipe: how much of a number's noise is of training, and how much of the test.

With S runs, θ_s the number of run s on all test images, θ*_s its values in the resamples, and means over the runs
overlined:

- between = Σ (θ_s - θ̄)² / (S - 1), what the runs differ by on these images;
- changing = S / (S - 1) · mean over s of Var*(θ*_s - θ̄*), what other test images would change in those differences;
- training variance = max(0, between - changing), of one run, on a test without end;
- test variance = mean over s of Var*(θ*_s), of one run;
- variance of the mean = Var*(θ̄*) + training variance / S.

The interval of the mean is Student's, with Welch's and Satterthwaite's degrees of freedom (Biometrika 34 (1947) 28-35):
S - 1 for the part of training, the groups less one for that of the test.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from kpplugins.evaluation.intervals.bca import LEVEL
from kpplugins.evaluation.intervals.spread import Interval, Spread


@dataclass(frozen=True)
class SeedsSplit:
    """A number of S runs of one recipe.

    Attributes:
        mean: over the runs.
        training: standard deviation of one run by its seed, the noise of the test taken out.
        test: standard deviation of one run by its test images.
        runs: S, at least 2.
        groups: groups of images that were resampled.
        means: (B,) the mean over the runs in each resample.
        single: the interval of one run, for a number that never varies.
    """

    mean: float
    training: float
    test: float
    runs: int
    groups: int
    means: np.ndarray
    single: Interval | None = None

    @classmethod
    def of(cls, spreads: Sequence[Spread], key: str) -> "SeedsSplit":
        """Split the noise of a number.

        Args:
            spreads: of the S runs, all from the same ``Resampling``.
            key: of the number.

        Returns:
            The split, NaN where the number is not defined.
        """
        runs = len(spreads)
        values = np.array([spread.numbers[key] for spread in spreads])
        resampled = np.array([spread.resampled[key] for spread in spreads])
        means = resampled.mean(axis=0)
        changing = runs / (runs - 1) * float(np.mean(np.nanvar(resampled - means, axis=1)))
        training = max(0.0, float(values.var(ddof=1)) - changing)
        test = float(np.mean(np.nanvar(resampled, axis=1)))
        single = spreads[0].interval(key)
        return cls(float(values.mean()), training**0.5, test**0.5, runs, spreads[0].groups, means, single)

    def interval(self, level: float = LEVEL) -> Interval | None:
        """Return the interval of the recipe's mean, over all its seeds and all images of this kind.

        ``None`` if the number never varies, and is no share.
        """
        return _student(self.mean, self.means, [self], level) or self.single

    def difference(self, other: "SeedsSplit", level: float = LEVEL) -> Interval | None:
        """Return the interval of how much the mean is above another recipe's, on the same resamples.

        ``None`` if neither number ever varies.
        """
        return _student(self.mean - other.mean, self.means - other.means, [self, other], level)


def _student(
    centre: float, resampled: np.ndarray, recipes: Sequence[SeedsSplit], level: float
) -> Interval | None:
    """Return the interval of a mean, or of a difference of two, from the parts of its variance."""
    parts = [(recipe.training**2 / recipe.runs, recipe.runs - 1) for recipe in recipes]
    parts.append((float(np.nanvar(resampled)), max(1, recipes[0].groups - 1)))
    variance = sum(part for part, _ in parts)
    if not variance > 0:
        return None
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    half = float(t.ppf((1 + level) / 2, freedom)) * variance**0.5
    return centre - half, centre + half
