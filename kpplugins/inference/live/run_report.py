"""What came of a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kpplugins.structures import BadInputError, IncompleteInputError


@dataclass
class RunReport:
    """What came of a run, or of several.

    Attributes:
        frames: images and frames that were predicted on.
        seconds: how long it took.
        written: the files that were made.
        faults: what could not be used, one an input.
        notes: what else there is to say, in words.
    """

    frames: int = 0
    seconds: float = 0.0
    written: list[Path] = field(default_factory=list)
    faults: list[BadInputError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __iadd__(self, other: "RunReport") -> "RunReport":
        """Add another run's."""
        self.frames += other.frames
        self.seconds += other.seconds
        self.written += other.written
        self.faults += other.faults
        self.notes += other.notes
        return self

    @property
    def words(self) -> str:
        """Return the report in one line."""
        rate = f", {self.frames / self.seconds:.1f} frames/s" if self.seconds > 0 and self.frames else ""
        bad = f", {len(self.faults)} bad" if self.faults else ""
        return f"{self.frames} frames in {self.seconds:.1f} s{rate}, {len(self.written)} files written{bad}"

    def require_whole(self) -> None:
        """Raise if something could not be used.

        Raises:
            IncompleteInputError: a part of the inputs; the rest is done.
            BadInputError: nothing could be used.
        """
        if not self.faults:
            return
        first, others = self.faults[0], _others(self.faults[1:])
        todo = f"{first.todo or 'fix it'}, or accept it with --skip-bad"
        if self.frames:
            raise IncompleteInputError(
                first.what, self.written, where=first.where, expected=first.expected,
                found=first.found + others, todo=todo,
            )  # fmt: skip
        raise BadInputError(
            first.what,
            where=first.where,
            expected=first.expected,
            found=first.found + others,
            todo=first.todo,
        )


def _others(faults: Sequence[BadInputError]) -> str:
    if not faults:
        return ""
    names = ", ".join(fault.where or fault.what for fault in faults[:3])
    return f", and {len(faults)} more: {names}{', …' if faults[3:] else ''}"
