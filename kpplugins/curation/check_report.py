"""What the checks found."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from kpplugins.curation.checks.finding import SEVERITIES, Finding
from kpplugins.schema import KeypointSchema
from kpplugins.structures.addresses import spelled


@dataclass(frozen=True)
class CheckReport:
    """What the checks found.

    Attributes:
        source: the file or folder.
        format: name of its format.
        findings: worst first, then by kind.
        images: number of images that could be read.
        instances: number of instances, including crowds and unlabelled ones.
        splits: images by split; empty where the source does not divide them.
        schema: of the keypoints; ``None`` where the source could not be read at all.
    """

    source: Path
    format: str
    findings: tuple[Finding, ...]
    images: int = 0
    instances: int = 0
    splits: tuple[tuple[str, int], ...] = ()
    schema: KeypointSchema | None = None

    @property
    def harmful(self) -> bool:
        """Return whether any finding would harm training or scoring."""
        return any(f.severity == "harmful" for f in self.findings)

    @property
    def exit_status(self) -> int:
        """Return 1 if any finding is harmful, else 0."""
        return int(self.harmful)

    @property
    def by_severity(self) -> dict[str, int]:
        """Return the number of findings of each severity, worst first."""
        counts = Counter(f.severity for f in self.findings)
        return {severity: counts[severity] for severity in SEVERITIES}

    @property
    def by_check(self) -> dict[tuple[str, str], int]:
        """Return the number of findings of each (severity, kind), in the order of the findings."""
        return dict(Counter((f.severity, f.check) for f in self.findings))

    def to_json(self) -> dict:
        """Return a plain dict: what was examined, counts, the schema and every finding."""
        schema = self.schema
        return {
            "source": spelled(self.source), "format": self.format, "images": self.images,
            "instances": self.instances, "splits": dict(self.splits), "severities": self.by_severity,
            "checks": {f"{kind} ({severity})": n for (severity, kind), n in self.by_check.items()},
            "schema": None if schema is None else schema.__dict__,
            "findings": [finding.to_json() for finding in self.findings],
        }  # fmt: skip

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Return (severity, line) for each kind: how often it was found, and its first finding with the remedy."""
        first: dict[tuple[str, str], Finding] = {}
        for finding in self.findings:
            first.setdefault((finding.severity, finding.check), finding)
        return [
            (
                severity,
                f"{self.by_check[severity, kind]} × {kind}, e.g. {spelled(finding.image or finding.file)}: "
                f"{finding.what} To do: {finding.todo}",
            )
            for (severity, kind), finding in first.items()
        ]

    @property
    def text(self) -> str:
        """Return a short summary: counts, and a line for each kind of finding."""
        head = f"{spelled(self.source)}: {self.format}, {self.images} images, {self.instances} instances"
        found = [f"{severity}: {line}" for severity, line in self.lines]
        return "\n".join([head, *(found or ["nothing found"])])
