"""Markdown tables."""

from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import Any


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Format a Markdown table with aligned columns.

    Args:
        header: names of the columns.
        rows: cells, converted with ``str``; format numbers first.

    Returns:
        The lines of the table.
    """
    cells = [[str(c) for c in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines) + "\n"


def with_interval(value: float, ends: tuple[float, float] | None, form: str) -> str:
    """Format a number with its interval.

    Args:
        value: the number.
        ends: of the interval, if there is one.
        form: format of all three.

    Returns:
        ``value (low to high)``.
    """
    if ends is None:
        return format(value, form)
    return f"{value:{form}} ({ends[0]:{form}} to {ends[1]:{form}})"


def per_keypoint_table(rows: Sequence[dict], intervals: Sequence[Mapping[str, Any]] = ()) -> str:
    """Format the result per keypoint as a table: error in pixels, PCK, share of the missing AP.

    Args:
        rows: of ``EvaluationResult.per_keypoint``.
        intervals: of the same keypoints, by key; none are shown by default.

    Returns:
        The Markdown table.
    """
    header = ["keypoint", "labelled", "EPE px", "PCK@0.05", "PCK@0.1", "PCK@0.2", "AP share"]
    body = [
        [
            r["keypoint"],
            r["labelled"],
            with_interval(r["EPE"], ends.get("EPE"), ".2f"),
            *(with_interval(r[key], ends.get(key), ".3f") for key in header[3:6]),
            f"{r['AP share']:+.4f}",
        ]
        for r, ends in zip(rows, intervals or [{}] * len(rows), strict=True)
    ]
    return markdown_table(header, body)


def per_category_table(
    kinds: Mapping[str, Mapping[str, float]], intervals: Mapping[str, Mapping[str, Any]] | None = None
) -> str:
    """Format the result per category as a table.

    Args:
        kinds: of ``EvaluationResult.per_category``.
        intervals: of the same categories, by key; none are shown by default.

    Returns:
        The Markdown table, after an empty line.
    """
    keys, ends = ("AP", "AP50", "PCK@0.1", "EPE"), intervals or {}
    body = [
        [
            name,
            row["instances"],
            *(with_interval(row[key], ends.get(name, {}).get(key), ".3f") for key in keys),
        ]
        for name, row in kinds.items()
    ]
    return "\n" + markdown_table(["category", "instances", *keys], body)


def visibility_table(numbers: Mapping[str, Any]) -> str:
    """Format how well visibility is predicted as a table, all keypoints first.

    Args:
        numbers: of ``evaluation.visibility.visibility_numbers``.

    Returns:
        The Markdown table, after an empty line.
    """
    counts, measured = ("visible", "occluded", "absent"), ("threshold", "precision", "recall", "ECE")
    body = [
        [row["keypoint"], *(row[key] for key in counts), *(_three(row.get(key, nan)) for key in measured)]
        for row in ({"keypoint": "all", **numbers}, *numbers["per_keypoint"])
    ]
    return "\n" + markdown_table(["visibility of", *counts, *measured], body)


def uncertainty_table(numbers: Mapping[str, Any]) -> str:
    """Format how well uncertainty holds: the coverage of the radii, and the error of the surest keypoints.

    Args:
        numbers: of ``evaluation.uncertainty.uncertainty_numbers``.

    Returns:
        Two Markdown tables, each after an empty line; nothing where nothing was measured.
    """
    if not numbers["coverage"]:
        return ""
    coverage = [
        [f"{row['level']:.0%}", f"{row['found']:.1%}", f"{row['radius']:.2f}"] for row in numbers["coverage"]
    ]
    kept = [[f"{row['share']:.0%}", f"{row['EPE']:.2f}"] for row in numbers["kept"]]
    return (
        "\n"
        + markdown_table(["within the radius of", "keypoints found there", "mean radius px"], coverage)
        + "\n"
        + markdown_table(["the surest keypoints", "EPE px"], kept)
    )


def _three(value: float) -> str:
    return "-" if isnan(value) else f"{value:.3f}"
