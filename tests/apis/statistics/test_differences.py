"""Differences of recipes and the noise of their seeds, in tables."""

import numpy as np
import pytest

from kpplugins.apis.statistics.differences import (
    NOT_SHOWN,
    differences,
    differences_table,
    seeds_report,
    seeds_table,
)
from kpplugins.evaluation.intervals.spread import Spread

COLUMNS = (("EPE px", "EPE", ".2f"), ("AP", "AP", ".3f"))
DRAWN = np.random.default_rng(0).normal(0, 1, (3, 1000))


def spread(epe: float, noise: np.ndarray, **more: float) -> Spread:
    left_out = epe + noise[:200] / 200
    resampled = {"EPE": epe + noise, **{key: value + 0.01 * noise for key, value in more.items()}}
    return Spread({"EPE": epe, **more}, resampled, {"EPE": left_out}, 200)


def test_a_difference_is_shown_where_its_interval_leaves_out_0():
    """Values that move together: 0.5 ± 0.1 is shown, 0.05 ± 0.1 would be with 16 times the images."""
    common, own = DRAWN[0], 0.1 * DRAWN[1]
    recipes = {
        "a": [spread(5.0, common)], "b": [spread(4.5, common + own, AP=0.5)], "c": [spread(4.45, common, AP=0.5)],
        "d": [spread(1.0, common)],
    }  # fmt: skip
    found = differences(recipes, {"a": 1, "b": 1, "c": 1, "d": 2}, COLUMNS)
    assert [(row["first"], row["second"]) for row in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert found[1]["numbers"] == {}  # nothing varies
    shown, unsure = (found[i]["numbers"]["EPE"] for i in (0, 2))
    assert shown["difference"] == pytest.approx(0.5) and shown["shown"] and "needed" not in shown
    assert shown["interval"] == pytest.approx((0.3, 0.7), abs=0.04)
    assert unsure["difference"] == pytest.approx(0.05) and not unsure["shown"]
    assert unsure["needed"] == pytest.approx(200 * (0.196 / 0.05) ** 2, rel=0.15)
    assert set(found[0]["numbers"]) == {"EPE"}  # the first has no AP
    table = differences_table(found, COLUMNS)
    assert "| a - b " in table and "**+0.50 (+0." in table
    assert f"{NOT_SHOWN}: +0.05 (-0." in table and f"about {unsure['needed']} would" in table
    assert differences_table([], COLUMNS) == ""


def test_a_difference_far_below_the_noise_names_no_number_of_images():
    recipes = {"a": [spread(5.0, DRAWN[0])], "b": [spread(5.001, DRAWN[1])]}
    (row,) = differences(recipes, {"a": 1, "b": 1}, COLUMNS)
    assert row["numbers"]["EPE"]["needed"] is None
    assert "would" not in differences_table([row], COLUMNS)


def test_means_of_seeds_have_the_noise_of_training_in_their_interval():
    """Runs that differ by 1 px on a test of little noise: the interval is Student's with 2 degrees of freedom."""
    runs = [spread(value, 0.01 * DRAWN[0]) for value in (4.0, 5.0, 6.0)]
    others = [spread(value, 0.01 * DRAWN[0]) for value in (4.5, 5.0, 5.5)]
    report = seeds_report({"a": runs, "b": others, "single": [spread(3.0, DRAWN[0])]}, COLUMNS)
    assert set(report) == {"a", "b"}
    number = report["a"]["EPE"]
    assert number["mean"] == 5 and number["training_sd"] == pytest.approx(1)
    assert number["test_sd"] == pytest.approx(0.01, rel=0.05)
    assert number["interval"][1] - 5 == pytest.approx(4.303 / 3**0.5, rel=0.01)
    (row,) = differences({"a": runs, "b": others}, {"a": 1, "b": 1}, COLUMNS)
    assert not row["numbers"]["EPE"]["shown"]
    assert differences({"a": runs, "single": others[:1]}, {"a": 1, "single": 1}, COLUMNS)[0]["numbers"] == {}
    assert "5.00 (2.5" in seeds_table(report, COLUMNS) and "training ±1.00, test ±0.01" in seeds_table(
        report, COLUMNS
    )


def constant(value: float) -> Spread:
    return Spread({"PCK@0.1": value}, {"PCK@0.1": np.full(1000, value)}, {}, 50)


SHARE = (("PCK", "PCK@0.1", ".3f"),)


@pytest.mark.parametrize(
    ("first", "second", "shown"), [(1.0, 0.0, True), (0.0, 1.0, True), (1.0, 1.0, False)]
)
@pytest.mark.parametrize("seeds", [1, 2])
def test_shares_that_never_vary(first: float, second: float, shown: bool, seeds: int):
    """Of 50 images without a fault 7 % may still have one; all against none is a difference all the same."""
    recipes = {"a": [constant(first)] * seeds, "b": [constant(second)] * seeds}
    (row,) = differences(recipes, {"a": 1, "b": 1}, SHARE)
    number = row["numbers"]["PCK@0.1"]
    assert number["shown"] is shown and number["difference"] == first - second
    assert number["interval"][1] - number["interval"][0] == pytest.approx(
        0.0711 * (1 if shown else 2), abs=1e-3
    )
    if seeds > 1:
        low, high = seeds_report(recipes, SHARE)["a"]["PCK@0.1"]["interval"]
        assert high - low == pytest.approx(0.0711, abs=1e-3)


def test_a_number_that_is_none_is_no_difference():
    nan = float("nan")
    runs = [spread(5.0, DRAWN[0]), spread(5.5, DRAWN[0])]
    missed = [spread(nan, DRAWN[0]), spread(5.0, DRAWN[0])]
    assert differences({"a": runs, "b": missed}, {"a": 1, "b": 1}, COLUMNS)[0]["numbers"] == {}
    assert set(seeds_report({"a": runs, "b": missed}, COLUMNS)) == {"a"}
