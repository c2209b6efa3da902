"""The figures of a benchmark, as Markdown and JSON."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.structures.replaced_file import replace_text
from kpplugins.version import __version__
from kpplugins.visualization.table import markdown_table

Row = Mapping[str, Any]


@dataclass(frozen=True)
class BenchmarkReport:
    """What was measured, and on what.

    Attributes:
        name: ``predict``, ``train``, ``data`` or ``eval``.
        facts: what was measured: model, sizes, number of rounds.
        rows: one a thing that was measured; all have the same keys.
        words: what the figures mean.
    """

    name: str
    facts: dict[str, Any]
    rows: list[dict[str, Any]]
    words: str = ""
    machine: dict[str, Any] = field(default_factory=lambda: machine())

    def to_markdown(self) -> str:
        """Return the report as a Markdown page."""
        facts = {**self.facts, **self.machine}
        told = "\n".join(f"- {key}: {_text(value)}" for key, value in facts.items())
        header = list(self.rows[0]) if self.rows else []
        table = markdown_table(header, [[_text(row[key]) for key in header] for row in self.rows])
        return "\n".join([f"# benchmark {self.name}", "", told, "", table, self.words]).rstrip() + "\n"

    def save(self, folder: Path) -> list[Path]:
        """Write ``benchmark_NAME.md`` and ``benchmark_NAME.json``.

        Args:
            folder: made if needed.

        Returns:
            The two files.

        Raises:
            BadInputError: they cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        page, data = (folder / f"benchmark_{self.name}{ending}" for ending in (".md", ".json"))
        replace_text(page, self.to_markdown())
        content = {"benchmark": self.name, "facts": self.facts, "machine": self.machine, "rows": self.rows}
        replace_text(data, json.dumps(content, indent=1) + "\n")
        return [page, data]


def machine() -> dict[str, Any]:
    """Describe this machine and installation.

    Returns:
        Plain data.
    """
    return {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "threads": os.environ.get("OMP_NUM_THREADS", "as many as PyTorch and OpenCV choose"),
        "python": platform.python_version(),
        "kpplugins": __version__,
    }


def in_milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    """Return the median and the 95th percentile.

    Args:
        seconds: of N rounds.

    Returns:
        ``p50 ms`` and ``p95 ms``.
    """
    p50, p95 = np.percentile(np.asarray(seconds), [50, 95]) * 1e3
    return {"p50 ms": float(p50), "p95 ms": float(p95)}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
