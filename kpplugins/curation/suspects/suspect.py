"""One label that may be wrong."""

from dataclasses import dataclass
from typing import Any

from kpplugins.data import PoseRecord
from kpplugins.structures.addresses import spelled


@dataclass(frozen=True)
class Suspect:
    """One label that may be wrong, and what it should rather be.

    Attributes:
        kind: a key of ``KINDS``.
        gain: 0 to 1, what correcting it is expected to bring: the probability that it is wrong times the share of its
            score in OKS that it costs, with the model's usual residual as sigma.
        probability: 0 to 1, that it is wrong.
        instance: its index in ``Evidence.records``.
        keypoints: names of those that it is about.
        what: what was found, one sentence.
        label: the label.
        proposal: the label after the correction.
    """

    kind: str
    gain: float
    probability: float
    instance: int
    keypoints: tuple[str, ...]
    what: str
    label: PoseRecord
    proposal: PoseRecord

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict; boxes are xyxy, keypoints [x, y, visibility]."""
        return {
            "kind": self.kind, "gain": round(self.gain, 4), "probability": round(self.probability, 4),
            "image": spelled(self.label.image), "file": spelled(self.label.source), "what": self.what,
            "keypoints": list(self.keypoints), "category": self.label.category,
            "label": _plain(self.label), "proposal": _plain(self.proposal),
        }  # fmt: skip


def _plain(record: PoseRecord) -> dict[str, Any]:
    return {"bbox": record.bbox.round(2).tolist(), "keypoints": record.keypoints.round(2).tolist()}
