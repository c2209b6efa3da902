"""Resample the images of a test: weights that say how often each counts, groups kept whole."""

from collections.abc import Hashable, Sequence

import numpy as np

from kpplugins.evaluation.intervals.per_image_table import PerImageTable
from kpplugins.evaluation.intervals.spread import Spread

RESAMPLES, LEAST_RESAMPLES = 1000, 200
"""How many are usual, and the fewest that have ends of an interval."""
PARTS = 400
"""Parts of the sample that the jackknife leaves out one by one; with more groups, a part is several of them."""


class Resampling:
    """The same resamples for every test on the same images, so that tests can be compared resample by resample.

    A resample draws as many groups as there are, each with the same chance, with replacement.

    Args:
        images: paths of the images.
        groups: what images that belong together have in common, such as a video; ``None``: each stands alone.
        resamples: how many.
        seed: of the draws.
    """

    def __init__(
        self,
        images: Sequence[str],
        groups: Sequence[Hashable] | None = None,
        resamples: int = RESAMPLES,
        seed: int = 0,
    ) -> None:
        self.images = tuple(dict.fromkeys(images))
        numbers: dict[Hashable, int] = {}
        labels = dict(zip(images, images if groups is None else groups, strict=True))
        self._group = np.array(
            [numbers.setdefault(labels[image], len(numbers)) for image in self.images], np.int64
        )
        self.groups, self.resamples, self.seed = len(numbers), resamples, seed
        draws = np.random.default_rng(seed)
        even = np.full(self.groups, 1 / max(1, self.groups))
        self._drawn = draws.multinomial(self.groups, even, size=resamples).astype(np.int32)
        self._part = draws.permutation(self.groups) % min(PARTS, max(1, self.groups))

    def spread(self, table: PerImageTable) -> Spread:
        """Compute all numbers of a test in every resample.

        Args:
            table: of the test; its images are among those of the resampling.

        Returns:
            The numbers and their resampled values.
        """
        place = {image: i for i, image in enumerate(self.images)}
        group = self._group[[place[image] for image in table.images]]
        number = int(self._part.max(initial=0)) + 1
        left_out = (self._part[group] != np.arange(number)[:, None]).astype(np.int32)
        one = np.ones((1, len(group)), np.int32)
        return Spread(
            {key: float(values[0]) for key, values in table.numbers(one).items()},
            table.numbers(self._drawn[:, group]),
            table.numbers(left_out) if number > 1 else {},
            self.groups,
        )
