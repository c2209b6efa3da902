"""What an audit found."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.curation.suspects.evidence import Evidence
from kpplugins.curation.suspects.find import KINDS
from kpplugins.curation.suspects.suspect import Suspect
from kpplugins.structures.addresses import spelled

_NAMED = 5
"""Suspects that the summary names."""


@dataclass(frozen=True)
class AuditReport:
    """What an audit found.

    Attributes:
        source: the file or folder.
        format: name of its format.
        models: what predicted, in words.
        evidence: labels and predictions.
        suspects: the largest gain first.
        notes: what was left out or could not be known, a sentence each.
    """

    source: Path
    format: str
    models: str
    evidence: Evidence
    suspects: tuple[Suspect, ...]
    notes: tuple[str, ...] = ()

    @property
    def by_kind(self) -> dict[str, int]:
        """Return the number of suspects of each kind, in the order of ``KINDS``."""
        counts = Counter(s.kind for s in self.suspects)
        return {kind: counts[kind] for kind in KINDS if counts[kind]}

    @property
    def median_error(self) -> tuple[float, float]:
        """Return the median distance of labels and predictions: in pixels, and in square roots of the box's area."""
        residuals = self.evidence.residuals
        known = np.isfinite(residuals)
        if not known.any():
            return float("nan"), float("nan")
        pixels = (residuals * self.evidence.size[:, None])[known]
        return float(np.median(pixels)), float(np.median(residuals[known]))

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict with every suspect."""
        pixels, share = self.median_error
        return {
            "source": spelled(self.source), "format": self.format, "models": self.models,
            "instances": len(self.evidence.records), "median error px": round(pixels, 3),
            "median error of size": round(share, 5), "kinds": self.by_kind, "notes": list(self.notes),
            "suspects": [suspect.to_json() for suspect in self.suspects],
        }  # fmt: skip

    @property
    def text(self) -> str:
        """Return a short summary: what was compared, how many suspects of which kind, and the first ones."""
        pixels, share = self.median_error
        head = (
            f"{spelled(self.source)}: {len(self.evidence.records)} labelled instances against {self.models};"
            f" half of the keypoints are within {pixels:.1f} px ({share:.1%} of the instance's size)"
        )
        kinds = [f"{kind}: {n} × {KINDS[kind]}" for kind, n in self.by_kind.items()]
        first = [f"{s.gain:.2f} {spelled(s.label.image)}: {s.kind}: {s.what}" for s in self.suspects[:_NAMED]]
        notes = [f"note: {note}" for note in self.notes]
        return "\n".join([head, *(kinds or ["no suspects"]), *first, *notes])
