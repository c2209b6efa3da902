"""Which validation is better, also where scores tie."""

import math

import pytest

from kpplugins.engine.guards.validation_rank import rank_of, tie_breaker


def best(*validations: dict, key: str = "AP", rule: str = "greater") -> int:
    """Index of the best one, the later of equal ones, as the hook chooses."""
    ranks = [rank_of(v, key, rule) for v in validations]
    return max(range(len(ranks)), key=lambda i: (ranks[i], i))


@pytest.mark.parametrize(
    ("validations", "chosen"),
    [
        ([{"AP": 0.0, "EPE": 109.4}, {"AP": 0.0, "EPE": 60.7}], 1),
        ([{"AP": 0.0, "EPE": 60.7}, {"AP": 0.0, "EPE": 109.4}], 0),
        ([{"AP": -1.0, "EPE": 90.0}, {"AP": 0.0, "EPE": 95.0}], 0),  # neither says anything
        ([{"AP": 0.004, "EPE": 109.4}, {"AP": 0.0, "EPE": 60.7}], 1),  # nor does one lucky instance
        ([{"AP": 0.5, "EPE": 9.0}, {"AP": 0.6, "EPE": 10.0}], 1),  # AP decides where it says something
        ([{"AP": 0.6, "EPE": 10.0}, {"AP": 0.5, "EPE": 9.0}], 0),
        ([{"AP": 1.0, "EPE": 2.0}, {"AP": 1.0, "EPE": 1.5}, {"AP": 1.0, "EPE": 1.8}], 1),
        ([{"AP": 0.50001, "EPE": 9.0}, {"AP": 0.50003, "EPE": 9.5}], 0),  # the same in the log
        ([{"AP": 0.0}, {"AP": 0.0}], 1),  # without an error, the later one
        ([{"AP": 0.3, "EPE": 5.0}, {"AP": math.nan, "EPE": 1.0}], 0),
        ([{"AP": 0.0, "EPE": math.nan}, {"AP": 0.0, "EPE": 80.0}], 1),
        ([{"AP": 0.0, "EPE": 80.0}, {"AP": 0.0, "EPE": math.nan}], 0),
        # of found instances alone, an error counts only among as many
        ([{"AP": 0.0, "EPE": 2.0, "missed": 19.0}, {"AP": 0.0, "EPE": 8.0, "missed": 5.0}], 1),
    ],
)
def test_the_best_of_several(validations: list[dict], chosen: int):
    assert best(*validations) == chosen


def test_lower_is_better_by_an_error_and_ties_go_to_the_later():
    assert best({"RMSE": 3.0}, {"RMSE": 2.0}, {"RMSE": 2.5}, key="RMSE", rule="less") == 1
    assert best({"RMSE": 2.0}, {"RMSE": 2.0}, key="RMSE", rule="less") == 1


def test_scores_that_are_no_shares_are_compared_as_they_are():
    assert best({"fitness": 0.002, "EPE": 1.0}, {"fitness": 0.001, "EPE": 0.5}, key="fitness") == 0


@pytest.mark.parametrize(
    ("names", "key", "expected"),
    [
        (["AP", "EPE", "NME"], "AP", "EPE"),
        (["pose/AP", "EPE", "pose/EPE"], "pose/AP", "pose/EPE"),
        (["coco/AP", "NME"], "coco/AP", "NME"),
        (["coco/AP", "other/RMSE"], "coco/AP", "other/RMSE"),
        (["coco/AP", "coco/AR"], "coco/AP", None),
    ],
)
def test_the_error_that_decides(names: list[str], key: str, expected: str | None):
    assert tie_breaker(dict.fromkeys(names, 1.0), key) == expected
