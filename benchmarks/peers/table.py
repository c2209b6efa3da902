"""The results side by side."""

from collections.abc import Sequence
from typing import Any

from benchmarks.peers.peer import GIVEN
from kpplugins.visualization.table import markdown_table

HEADER = [
    "method", "boxes", "RMSE px", "EPE px", "PCK@0.05", "PCK@0.1", "AP", "missed", "parameters M", "input",
    "epochs", "CPU-minutes", "training images/s", "test images/s", "versions",
]  # fmt: skip


def peers_table(rows: Sequence[dict[str, Any]]) -> str:
    """Format the rows of finished peers, and under the table what each is and the reasons of the others.

    Args:
        rows: of ``ProgramRun.row``.

    Returns:
        Markdown.
    """
    done = [row for row in rows if "error" not in row]
    text = markdown_table(HEADER, [_cells(row) for row in done])
    text += "".join(["\n", *(f"- {row['name']}: {row['words']}\n" for row in done)])
    reasons = [f"- {row['name']}: {row['error']}" for row in rows if "error" in row]
    return text + ("\nWithout a result:\n\n" + "\n".join(reasons) + "\n" if reasons else "")


def _cells(row: dict[str, Any]) -> list[str]:
    numbers = row["numbers"]
    missed = "" if row["boxes"] == GIVEN else f"{numbers['missed']:.0f} of {numbers['instances']:.0f}"
    versions = ", ".join(f"{name} {number}" for name, number in row["versions"].items())
    return [
        row["name"], row["boxes"], _text(numbers["RMSE"], ".2f"), _text(numbers["EPE"], ".2f"),
        _text(numbers["PCK@0.05"], ".3f"), _text(numbers["PCK@0.1"], ".3f"), _text(numbers["AP"], ".3f"), missed,
        _text(row["parameters"], ".2f", 1e6), row["input"], _text(row["epochs"], ".3g"),
        _text(row["cpu_minutes"], ".2f"), _text(row["training_images_per_second"], ".1f"),
        _text(row["test_images_per_second"], ".1f"), versions,
    ]  # fmt: skip


def _text(value: float | None, form: str, unit: float = 1.0) -> str:
    return "-" if value is None or value != value else format(value / unit, form)
