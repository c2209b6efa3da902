"""Resamples, intervals and their differences, by hand."""

import numpy as np
import pytest
from scipy.stats import norm

from kpplugins.evaluation.intervals.bca import bca_interval
from kpplugins.evaluation.intervals.per_image_table import PerImageTable
from kpplugins.evaluation.intervals.resampling import Resampling
from kpplugins.evaluation.intervals.spread import Spread


def table(errors: np.ndarray, names: list[str] | None = None, key: str = "EPE") -> PerImageTable:
    """One keypoint an image."""
    images = tuple(names or [f"{i}.jpg" for i in range(len(errors))])
    one = np.ones((1, len(errors)))
    return PerImageTable(images, np.ones(len(errors), int), (key,), errors[None], one)


def test_a_mean_has_its_standard_error_and_the_same_seed_the_same_interval():
    errors = np.random.default_rng(0).normal(10, 2, 400)
    spread = Resampling(table(errors).images).spread(table(errors))
    assert spread.numbers["EPE"] == pytest.approx(errors.mean())
    assert spread.deviation("EPE") == pytest.approx(errors.std() / 20, rel=0.07)
    low, high = spread.interval("EPE")
    half = 1.96 * errors.std() / 20
    assert (low, high) == pytest.approx((errors.mean() - half, errors.mean() + half), abs=0.04)
    assert Resampling(table(errors).images).spread(table(errors)).interval("EPE") == (low, high)


def test_a_group_is_drawn_as_a_whole():
    """Two videos with errors 1 and 3: the mean of a resample is 1, 2 or 3."""
    errors = np.repeat([1.0, 3.0], 50)
    spread = Resampling(table(errors).images, ["a"] * 50 + ["b"] * 50).spread(table(errors))
    assert spread.groups == 2
    values, counts = np.unique(spread.resampled["EPE"].round(9), return_counts=True)
    assert values.tolist() == [1, 2, 3]
    assert counts == pytest.approx([250, 500, 250], abs=60)


def test_bca_by_hand():
    """A third of the resampled values is below, and the jackknife has skewness: Efron's formula."""
    resampled, left_out = np.arange(1, 1001) / 1000, np.array([0.0, 0, 0, 4])
    shift = norm.ppf(0.3335)  # 333 of 1000 below, one equal
    away = left_out.mean() - left_out
    a = (away**3).sum() / (6 * (away**2).sum() ** 1.5)
    shares = [norm.cdf(shift + (z + shift) / (1 - a * (z + shift))) for z in norm.ppf([0.025, 0.975])]
    assert bca_interval(0.334, resampled, left_out) == pytest.approx(np.quantile(resampled, shares))


def test_no_interval_where_nothing_can_be_told():
    values = np.linspace(0, 1, 1000)
    assert bca_interval(float("nan"), values, values) is None
    assert bca_interval(0.5, np.where(values < 0.2, np.nan, values), values) is None
    assert bca_interval(0.5, np.full(1000, 0.5), values) is None
    spread = Resampling(["a"]).spread(table(np.ones(1), ["a"]))
    assert spread.groups == 1 and spread.interval("EPE") is None


def test_a_share_that_never_failed_may_fail():
    """Of 50 images none failed: by Clopper and Pearson up to 1 - 0.025 ** (1 / 50) of all may."""
    most = 1 - 0.025 ** (1 / 50)
    right = table(np.ones(50), key="PCK@0.1")
    resampling = Resampling(right.images)
    assert resampling.spread(right).interval("PCK@0.1") == (pytest.approx(1 - most), 1.0)
    assert resampling.spread(table(np.zeros(50), key="AR")).interval("AR") == (0.0, pytest.approx(most))
    both = resampling.spread(right).minus(resampling.spread(right))
    assert both.interval("PCK@0.1") == (pytest.approx(-most), pytest.approx(most))
    assert resampling.spread(table(np.ones(50), key="AP")).interval("AP") is None
    assert resampling.spread(table(np.ones(50))).interval("EPE") is None


def test_the_difference_of_two_tests_is_surer_than_either():
    """Errors of 10 ± 5 px by image, the second recipe 0.5 ± 0.2 px better on each: only pairs can tell."""
    rng = np.random.default_rng(0)
    first = rng.gamma(4, 2.5, 200)
    second = first - rng.normal(0.5, 0.2, 200)
    resampling = Resampling([f"{i}.jpg" for i in range(200)])
    one = resampling.spread(table(first))
    shuffled = rng.permutation(200)  # in another order
    two = resampling.spread(table(second[shuffled], [f"{i}.jpg" for i in shuffled]))
    low, high = one.minus(two).interval("EPE")
    assert 0.45 < low < (first - second).mean() < high < 0.55
    assert one.interval("EPE")[0] < two.interval("EPE")[1]
    assert one.minus(two).difference and set(one.minus(two).numbers) == {"EPE"}


def test_a_key_that_only_one_test_has_has_no_difference():
    one = Spread({"EPE": 1.0, "box/AP": 0.5}, {"EPE": np.ones(9), "box/AP": np.ones(9)}, {}, 9)
    assert set(one.minus(Spread({"EPE": 2.0}, {"EPE": np.ones(9)}, {}, 9)).numbers) == {"EPE"}
