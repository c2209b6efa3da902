"""What the scores of a model say about whether keypoints are there and visible."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.structures.errors import BadInputError
from kpplugins.structures.replaced_file import replace_text
from kpplugins.structures.visibility.keypoint_curves import ENOUGH, KeypointCurves

ABSENT, OCCLUDED, VISIBLE = 0, 1, 2
SCORE_THR = 0.3
"""Score from which a keypoint counts as found where a run has no calibration and nothing else is asked for."""
OF_SCORES, OF_HEAD = "keypoint scores", "visibility that the head predicts"
"""What a calibration is of."""


@dataclass(frozen=True)
class VisibilityCalibration:
    """Probabilities that K keypoints are there and visible, and the answer whether they are; from their scores.

    A keypoint is *there and visible* where its annotation would have visibility 2. It is *there* with visibility 1
    (occluded) or 2. Only keypoints whose state is known are counted (see ``evaluation.visibility``).

    Attributes:
        keypoints: K names.
        of: what is calibrated: ``OF_SCORES``, or ``OF_HEAD`` where the model's head predicts visibility itself.
        absent: how many keypoints it was fitted to that are absent.
        occluded: how many that are there, but occluded.
        visible: how many that are there and visible.
        seen: from scores to the probability of being there and visible.
        there: from scores to the probability of being there; ``None`` where it is the same (nothing is labelled as
            occluded) or cannot be learnt (too few are absent).
        checkpoint: name of the checkpoint that was calibrated, where the calibration is a file of its own.
    """

    keypoints: tuple[str, ...]
    of: str
    absent: int
    occluded: int
    visible: int
    seen: KeypointCurves
    there: KeypointCurves | None = None
    checkpoint: str | None = None

    @classmethod
    def fit(
        cls,
        keypoints: tuple[str, ...],
        scores: np.ndarray,
        visibility: np.ndarray,
        known: np.ndarray,
        of: str = OF_SCORES,
    ) -> "VisibilityCalibration | str":
        """Fit the calibration.

        Args:
            keypoints: K names.
            scores: (N, K) of the predictions, on any scale.
            visibility: (N, K) of the true keypoints: 0 absent, 1 occluded, 2 visible.
            known: (N, K) boolean: the state is known, 0 means absent and not only unlabelled.
            of: what the scores are.

        Returns:
            The calibration; or, where there is too little to learn from, the reason in words.
        """
        absent, occluded, visible = (
            int((known & (visibility == v)).sum()) for v in (ABSENT, OCCLUDED, VISIBLE)
        )
        seen = KeypointCurves.fit(scores, visibility == VISIBLE, known)
        if seen is None:
            unlabelled = int((~known).sum())
            return (
                f"no visibility is predicted: of {int(known.sum())} keypoints {absent} are absent, {occluded} occluded "
                f"and {visible} visible, and {ENOUGH} of those that are visible and {ENOUGH} of the others are needed"
                + (f"; {unlabelled} without a label may be either" if unlabelled else "")
            )
        there = KeypointCurves.fit(scores, visibility != ABSENT, known) if occluded else None
        return cls(tuple(keypoints), of, absent, occluded, visible, seen, there)

    @property
    def thresholds(self) -> np.ndarray:
        """Return (K,) least probabilities at which a keypoint counts as visible: those of the best F1."""
        return self.seen.thresholds

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability that each keypoint is there and visible.

        Args:
            scores: (N, K).

        Returns:
            (N, K), 0 to 1.
        """
        return self.seen.at(np.asarray(scores, np.float64))

    def states(self, scores: np.ndarray) -> np.ndarray:
        """Answer whether each keypoint is there and visible, at the thresholds.

        Args:
            scores: (N, K).

        Returns:
            (N, K) int64: 0 absent, 1 occluded, 2 visible. Without ``there``, what is not visible is what most of the
            others were in the labels.
        """
        scores = np.asarray(scores, np.float64)
        if self.there is not None:
            below = np.where(self.there.answers(scores), OCCLUDED, ABSENT)
        else:
            below = np.full(scores.shape, OCCLUDED if self.occluded > self.absent else ABSENT)
        return np.where(self.seen.answers(scores), VISIBLE, below).astype(np.int64)

    @property
    def words(self) -> str:
        """Say what it was learnt from."""
        alone = self.seen.shared.count(False)
        return (
            f"visibility learnt from the {self.of} of {self.absent} absent, {self.occluded} occluded and "
            f"{self.visible} visible keypoints; {alone} of {len(self.keypoints)} keypoints have enough of them for a "
            "curve of their own"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the calibration as plain data for JSON; ``from_dict`` reads it."""
        return {
            "checkpoint": self.checkpoint,
            "keypoints": list(self.keypoints),
            "of": self.of,
            "absent": self.absent,
            "occluded": self.occluded,
            "visible": self.visible,
            "seen": self.seen.to_dict(),
            "there": self.there and self.there.to_dict(),
        }

    @classmethod
    def from_dict(cls, raw: Any, keypoints: tuple[str, ...], where: str) -> "VisibilityCalibration":
        """Read what ``to_dict`` returned.

        Args:
            raw: plain data.
            keypoints: the K names that it must be of.
            where: where it comes from, for the message.

        Returns:
            The calibration.

        Raises:
            BadInputError: it is damaged, or of other keypoints.
        """
        try:
            found = cls(
                keypoints=tuple(map(str, raw["keypoints"])),
                of=str(raw["of"]),
                **{name: int(raw[name]) for name in ("absent", "occluded", "visible")},
                seen=KeypointCurves.from_dict(raw["seen"]),
                there=raw["there"] and KeypointCurves.from_dict(raw["there"]),
                checkpoint=raw.get("checkpoint") and str(raw["checkpoint"]),
            )
            if found.of not in (OF_SCORES, OF_HEAD):
                raise ValueError(f"of {found.of!r}")
            for curves in (found.seen, found.there or found.seen):
                if len(curves.curves) != len(found.keypoints):
                    raise ValueError(f"{len(curves.curves)} curves for {len(found.keypoints)} keypoints")
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise BadInputError(
                "not a calibration of visibility", where=where, found=f"{type(error).__name__}: {error}"[:100],
                todo="train again",
            ) from error  # fmt: skip
        if found.keypoints != tuple(keypoints):
            raise BadInputError(
                "calibration of other keypoints", where=where, expected=", ".join(keypoints),
                found=", ".join(found.keypoints),
            )  # fmt: skip
        return found

    def save(self, path: Path) -> None:
        """Write the calibration as JSON."""
        replace_text(path, json.dumps(self.to_dict(), indent=1) + "\n")
