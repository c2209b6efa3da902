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


def per_keypoint_table(rows: Sequence[dict]) -> str:
    """Format the result per keypoint as a table: error in pixels, PCK, share of the missing AP.

    Args:
        rows: of ``EvaluationResult.per_keypoint``.

    Returns:
        The Markdown table.
    """
    header = ["keypoint", "labelled", "EPE px", "PCK@0.05", "PCK@0.1", "PCK@0.2", "AP share"]
    body = [
        [
            r["keypoint"],
            r["labelled"],
            f"{r['EPE']:.2f}",
            f"{r['PCK@0.05']:.3f}",
            f"{r['PCK@0.1']:.3f}",
            f"{r['PCK@0.2']:.3f}",
            f"{r['AP share']:+.4f}",
        ]
        for r in rows
    ]
    return markdown_table(header, body)


def per_category_table(kinds: Mapping[str, Mapping[str, float]]) -> str:
    """Format the result per category as a table.

    Args:
        kinds: of ``EvaluationResult.per_category``.

    Returns:
        The Markdown table, after an empty line.
    """
    keys = ("AP", "AP50", "PCK@0.1", "EPE")
    body = [[name, row["instances"], *(f"{row[key]:.3f}" for key in keys)] for name, row in kinds.items()]
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
