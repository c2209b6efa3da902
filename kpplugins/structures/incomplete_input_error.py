"""The exception for input of which only a part could be used."""

from collections.abc import Sequence
from pathlib import Path

from kpplugins.structures.errors import BadInputError


class IncompleteInputError(BadInputError):
    """Input of which only a part could be used, after the rest of the work was done and kept.

    The command-line tools print it as one line and exit with status 1.

    Args:
        what: the fault.
        written: the files that were made nevertheless.
        where: see ``BadInputError``.
        expected: see ``BadInputError``.
        found: see ``BadInputError``.
        todo: see ``BadInputError``.
    """

    status = 1

    def __init__(
        self,
        what: str,
        written: Sequence[Path] = (),
        *,
        where: str = "",
        expected: str = "",
        found: str = "",
        todo: str = "",
    ) -> None:
        super().__init__(what, where=where, expected=expected, found=found, todo=todo)
        self.written = list(written)
