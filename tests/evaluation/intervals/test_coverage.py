"""An interval of 95 % holds the true number in about 95 of 100 tests: simulated, with the truth known."""

import numpy as np
import pytest

from kpplugins.evaluation.intervals.bca import bca_interval
from kpplugins.evaluation.intervals.match_table import ClassMatches, MatchTable
from kpplugins.evaluation.intervals.per_image_table import PerImageTable
from kpplugins.evaluation.intervals.resampling import Resampling
from kpplugins.evaluation.intervals.seeds_split import SeedsSplit
from kpplugins.evaluation.intervals.spread import Spread

LEAST, MOST = 0.92, 0.97


def covered(values: np.ndarray, truth: float, resamples: int = 600) -> float:
    """How often the interval of the mean of values (G, S), of S tests with G images, holds the truth."""
    rng, (groups, tests) = np.random.default_rng(1), values.shape
    drawn = rng.multinomial(groups, np.full(groups, 1 / groups), size=resamples) / groups
    resampled, left_out = drawn @ values, (values.sum(axis=0) - values) / (groups - 1)
    estimates = values.mean(axis=0)
    ends = [bca_interval(estimates[s], resampled[:, s], left_out[:, s]) for s in range(tests)]
    return float(np.mean([low <= truth <= high for low, high in filter(None, ends)]))


@pytest.mark.parametrize(
    ("name", "draw", "truth"),
    [
        ("errors in pixels", lambda rng, shape: rng.gamma(2, 1.5, shape), 3.0),
        (
            "shares of nine keypoints",
            lambda rng, shape: rng.binomial(9, rng.beta(9, 1, shape)) / 9,
            0.9,
        ),
        ("symmetric", lambda rng, shape: rng.normal(5, 2, shape), 5.0),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_means_over_images(name: str, draw, truth: float):
    assert LEAST <= covered(draw(np.random.default_rng(0), (100, 1000)), truth) <= MOST


def test_frames_of_a_video_are_one_group():
    """Fifteen frames each of 60 videos, which differ more than their frames: as single images they mislead."""
    rng = np.random.default_rng(0)
    frames = 5 + rng.normal(0, 1, (60, 1, 400)) + rng.normal(0, 1, (60, 15, 400))
    assert LEAST <= covered(frames.mean(axis=1), 5.0) <= MOST
    assert covered(frames.reshape(900, 400), 5.0, resamples=200) < 0.6


def of_ap(rng: np.random.Generator, n: int) -> PerImageTable:
    """A test on n images with an instance each, whose score says something about its OKS."""
    oks = rng.beta(5, 1.2, n)
    order = np.argsort(-np.clip(oks + rng.normal(0, 0.15, n), 0, 2))
    right = (oks >= 0.75)[order][None, None]
    matches = ClassMatches(
        np.arange(n)[order], np.zeros(n, int), right, np.zeros_like(right), np.ones((1, n), int)
    )
    lines = (("AP", "0.50", "all", 20), ("AR", "0.50", "all", 20))
    table = MatchTable(lines, np.array([0.5]), np.linspace(0, 1, 101), ("all",), (matches,))
    return PerImageTable.of_matches([str(i) for i in range(n)], {"": table})


def test_average_precision_and_recall():
    rng, tests = np.random.default_rng(0), 300
    whole = of_ap(rng, 200_000).numbers(np.ones((1, 200_000), np.int32))
    hits = {"AP": 0, "AR": 0}
    for seed in range(tests):
        table = of_ap(rng, 60)
        spread = Resampling(table.images, resamples=300, seed=seed).spread(table)
        for key in hits:
            low, high = spread.interval(key)
            hits[key] += low <= whole[key][0] <= high
    assert all(LEAST <= often / tests <= MOST for often in hits.values()), hits


@pytest.mark.parametrize("training", [0.0, 0.05, 0.15])
def test_the_mean_of_three_seeds_and_the_difference_of_two_recipes(training: float):
    """The true standard deviations: of training as given; of the test √(1 + 0.5²) / √100, of which 0.5² is by run."""
    rng, tests = np.random.default_rng(0), 500
    drawn = rng.multinomial(100, np.full(100, 0.01), size=300) / 100
    hits, splits = np.zeros(2), []
    for _ in range(tests):
        images = rng.normal(0, 1, 100)
        recipes = []
        for _ in range(2):
            runs = 5 + rng.normal(0, training, (3, 1)) + images + rng.normal(0, 0.5, (3, 100))
            spreads = [Spread({"EPE": run.mean()}, {"EPE": drawn @ run}, {}, 100) for run in runs]
            recipes.append(SeedsSplit.of(spreads, "EPE"))
        splits += recipes
        for i, (truth, ends) in enumerate(
            ((5, recipes[0].interval()), (0, recipes[0].difference(recipes[1])))
        ):
            hits[i] += ends[0] <= truth <= ends[1]
    assert (hits / tests >= LEAST).all() and (hits / tests <= 0.98).all(), hits / tests
    assert np.mean([split.test for split in splits]) == pytest.approx(1.25**0.5 / 10, rel=0.03)
    # what is left of the noise of the test, where the variance would be negative, is small
    assert np.mean([split.training**2 for split in splits]) ** 0.5 == pytest.approx(training, abs=0.035)
