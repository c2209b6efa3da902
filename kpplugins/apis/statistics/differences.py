"""What is left of the differences between recipes when their test images, and their seeds, are taken as samples."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from kpplugins.apis.statistics.interval_report import round_up
from kpplugins.evaluation.intervals.seeds_split import SeedsSplit
from kpplugins.evaluation.intervals.spread import Interval, Spread
from kpplugins.visualization.table import markdown_table, with_interval

Column = tuple[str, str, str]
"""Heading, key and format of a number."""
NOT_SHOWN = "no difference shown"
_MOST_NEEDED = 100
"""Times the images of a test beyond which a guess of how many would show a difference is idle."""


def differences(
    recipes: Mapping[str, Sequence[Spread]], protocols: Mapping[str, Any], columns: Sequence[Column]
) -> list[dict[str, Any]]:
    """Compare every two recipes on the same resamples of the same images.

    Args:
        recipes: by name, the runs of each, one for each seed, all from the same ``Resampling``.
        protocols: by name; only recipes with equal ones can be compared: same truth, and boxes given or found.
        columns: the numbers.

    Returns:
        For each two, ``first``, ``second`` and ``numbers``: by key ``difference`` (first less second),
        ``interval``, ``shown`` (the interval leaves out 0), and where it is not shown ``needed``, about how many
        images or groups would show this difference if it is real. ``None`` where it is not defined.
    """
    found = []
    for first, second in combinations(recipes, 2):
        if protocols[first] != protocols[second]:
            continue
        numbers = {key: _difference(recipes[first], recipes[second], key) for _, key, _ in columns}
        known = {key: value for key, value in numbers.items() if value is not None}
        found.append({"first": first, "second": second, "numbers": known})
    return found


def _difference(first: Sequence[Spread], second: Sequence[Spread], key: str) -> dict[str, Any] | None:
    """Return the difference of one number; ``None`` where a recipe lacks it, or only one of them has several runs."""
    alike = (len(first) > 1) == (len(second) > 1)
    if not alike or any(key not in spread.numbers for spread in (*first, *second)):
        return None
    ends: Interval | None
    if len(first) > 1:
        one, other = SeedsSplit.of(first, key), SeedsSplit.of(second, key)
        value, ends = one.mean - other.mean, one.difference(other) or first[0].minus(second[0]).interval(key)
    else:
        both = first[0].minus(second[0])
        value, ends = both.numbers[key], both.interval(key)
    if ends is None or not np.isfinite([value, *ends]).all():
        return None
    shown = not ends[0] <= 0 <= ends[1]
    found: dict[str, Any] = {"difference": value, "interval": ends, "shown": shown}
    if not shown:
        found["needed"] = _needed(value, ends, first[0].groups)
    return found


def _needed(value: float, ends: Interval, groups: int) -> int | None:
    """Return about how many groups make the interval as short as the difference is from 0."""
    half = (ends[1] - ends[0]) / 2
    if not abs(value) * _MOST_NEEDED**0.5 > half:
        return None
    return round_up(groups * (half / abs(value)) ** 2)


def seeds_report(
    recipes: Mapping[str, Sequence[Spread]], columns: Sequence[Column]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the noise of training apart from that of the test, of recipes with several seeds.

    Args:
        recipes: see ``differences``.
        columns: the numbers.

    Returns:
        By name and key: ``mean`` over the seeds, its ``interval``, and the standard deviations of one run:
        ``training_sd``, by its seed, and ``test_sd``, by its test images.
    """
    report = {}
    for name, spreads in recipes.items():
        keys = [key for _, key, _ in columns if all(key in spread.numbers for spread in spreads)]
        splits = {key: SeedsSplit.of(spreads, key) for key in keys} if len(spreads) > 1 else {}
        report[name] = {
            key: {
                "mean": split.mean, "interval": split.interval(), "training_sd": split.training, "test_sd": split.test,
            }
            for key, split in splits.items()
            if math.isfinite(split.mean)
        }  # fmt: skip
    return {name: numbers for name, numbers in report.items() if numbers}


def differences_table(found: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> str:
    """Format the differences as a Markdown table.

    Args:
        found: from ``differences``.
        columns: the numbers.

    Returns:
        The table; empty without differences.
    """
    shown = [column for column in columns if any(column[1] in row["numbers"] for row in found)]
    body = [
        [
            f"{row['first']} - {row['second']}",
            *(_cell(row["numbers"].get(key), form) for _, key, form in shown),
        ]
        for row in found
    ]
    return markdown_table(["difference", *(heading for heading, _, _ in shown)], body) if body else ""


def _cell(number: Mapping[str, Any] | None, form: str) -> str:
    if number is None:
        return "-"
    text = with_interval(number["difference"], number["interval"], "+" + form)
    if number["shown"]:
        return f"**{text}**"
    needed = f"; about {number['needed']} would" if number["needed"] else ""
    return f"{NOT_SHOWN}: {text}{needed}"


def seeds_table(report: Mapping[str, Mapping[str, Mapping[str, Any]]], columns: Sequence[Column]) -> str:
    """Format means over seeds as a Markdown table.

    Args:
        report: from ``seeds_report``.
        columns: the numbers.

    Returns:
        The table; empty without several seeds.
    """
    shown = [column for column in columns if any(column[1] in numbers for numbers in report.values())]
    body = [
        [
            name,
            *(
                f"{with_interval(n['mean'], n['interval'], form)}, training ±{n['training_sd']:{form}}, "
                f"test ±{n['test_sd']:{form}}"
                if (n := numbers.get(key))
                else "-"
                for _, key, form in shown
            ),
        ]
        for name, numbers in report.items()
    ]
    return markdown_table(["mean of the seeds", *(heading for heading, _, _ in shown)], body) if body else ""
