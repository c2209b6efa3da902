"""The numbers of a test with their resampled values, and the difference of two tests."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kpplugins.evaluation.intervals.bca import LEVEL, bca_interval

Interval = tuple[float, float]
_NONE = np.zeros(0)


@dataclass(frozen=True)
class Spread:
    """How the numbers of a test vary with its images.

    Attributes:
        numbers: of all images, by key.
        resampled: (B,) by key; NaN where a number is not defined.
        left_out: (J,) by key, with each part of the images left out once.
        groups: how many groups of images were drawn from.
        difference: whether these are the differences of two tests.
    """

    numbers: Mapping[str, float]
    resampled: Mapping[str, np.ndarray]
    left_out: Mapping[str, np.ndarray]
    groups: int
    difference: bool = False

    def interval(self, key: str, level: float = LEVEL) -> Interval | None:
        """Return the interval of a number.

        Where all resamples agree on a share of 0 or 1 (PCK or AR), they say nothing; then the interval is as wide as
        the exact one of the share of the groups in which something differs, of which none was seen (Clopper and
        Pearson, Biometrika 26 (1934) 404-413).

        Args:
            key: of the number.
            level: see ``bca_interval``.

        Returns:
            Its ends; ``None`` if there is none, see ``bca_interval``.
        """
        estimate = self.numbers[key]
        found = bca_interval(estimate, self.resampled[key], self.left_out.get(key, _NONE), level)
        if found is not None or not _is_share(key) or self.groups < 2:
            return found
        values, most = self.resampled[key], 1 - ((1 - level) / 2) ** (1 / self.groups)
        if np.isnan(values).any() or np.ptp(values) > 0 or estimate not in (0.0, 1.0, -1.0):
            return None
        if self.difference and estimate == 0.0:
            return -most, most
        if estimate == -1.0:
            return -1.0, most - 1
        return (1 - most, 1.0) if estimate == 1.0 else (0.0, most)

    def deviation(self, key: str) -> float:
        """Return the standard deviation of the resampled values of a number."""
        return float(np.nanstd(self.resampled[key]))

    def minus(self, other: "Spread") -> "Spread":
        """Return how the differences of two tests vary, both from the same ``Resampling``.

        Args:
            other: is subtracted.

        Returns:
            The differences of the numbers that both have.
        """
        keys = [key for key in self.numbers if key in other.numbers]
        left_out = [key for key in keys if key in self.left_out and key in other.left_out]
        return Spread(
            {key: self.numbers[key] - other.numbers[key] for key in keys},
            {key: self.resampled[key] - other.resampled[key] for key in keys},
            {key: self.left_out[key] - other.left_out[key] for key in left_out},
            self.groups,
            difference=True,
        )


def _is_share(key: str) -> bool:
    """Tell whether a number is a mean of shares from 0 to 1 over images."""
    name = key.rpartition("/")[2]
    return name.startswith(("PCK", "AR"))
