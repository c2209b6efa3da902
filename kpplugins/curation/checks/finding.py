"""Define what a check reports."""

from dataclasses import dataclass
from pathlib import Path

from kpplugins.structures.addresses import spelled

SEVERITIES = ("harmful", "suspect", "note")
"""Worst first: training or scoring would be harmed; somebody should look at it; good to know."""


@dataclass(frozen=True)
class Finding:
    """One problem that a check found.

    Attributes:
        check: the kind, in kebab-case.
        severity: one of ``SEVERITIES``.
        what: what was found, one sentence.
        todo: what to do about it.
        file: the annotation file, or the image or folder where there is none.
        image: the image it is about, if any.
        annotation: id of the annotation, or the line, where the format has one.
        instance: index in ``AnnotationSet.records`` of the instance to draw.
        beside: another image to show next to ``image``.
    """

    check: str
    severity: str
    what: str
    todo: str
    file: Path
    image: Path | None = None
    annotation: str = ""
    instance: int | None = None
    beside: Path | None = None

    def to_json(self) -> dict:
        """Return a plain dict; paths as text, ``None`` where there is no image."""
        return {
            "check": self.check, "severity": self.severity, "file": spelled(self.file),
            "image": None if self.image is None else spelled(self.image),
            "beside": None if self.beside is None else spelled(self.beside),
            "annotation": self.annotation, "what": self.what, "todo": self.todo,
        }  # fmt: skip
