"""The files that a visitor of the page gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kpplugins.data.images import SUFFIXES
from kpplugins.inference.video.input_files import VIDEO_SUFFIXES, is_video
from kpplugins.structures import BadInputError

MOST_FILES = 50
"""Files that are looked at together."""
MOST_MEGABYTES = 200
"""Size of each file."""


@dataclass(frozen=True)
class Upload:
    """An image or a video that a visitor gives.

    Attributes:
        file: where it lies on this machine, which the visitor is not told.
        name: what the visitor calls it.
    """

    file: Path
    name: str

    @property
    def is_video(self) -> bool:
        """Return whether it counts as a video, by its ending."""
        return is_video(self.file)

    def told(self, fault: BadInputError) -> BadInputError:
        """Return a fault in the visitor's words.

        Args:
            fault: of this file.

        Returns:
            The same with the file's name in place of its path.
        """
        parts = (fault.what, fault.where, fault.expected, fault.found, fault.todo)
        what, where, expected, found, todo = (text.replace(str(self.file), self.name) for text in parts)
        return type(fault)(what, where=where, expected=expected, found=found, todo=todo)


def usable_uploads(files: Sequence[str | Path]) -> tuple[list[Upload], list[BadInputError]]:
    """Tell what can be used from what cannot.

    Args:
        files: in the order in which they were given.

    Returns:
        The images and videos; and why the others are left out.

    Raises:
        BadInputError: there are too many.
    """
    if len(files) > MOST_FILES:
        raise BadInputError(
            "too many files", expected=f"at most {MOST_FILES} at a time", found=str(len(files)),
            todo="give fewer; kpplugins demo FOLDER takes any number",
        )  # fmt: skip
    uploads, faults = [], []
    for file in map(Path, files):
        if file.suffix.lower() in SUFFIXES + VIDEO_SUFFIXES:
            uploads.append(Upload(file, file.name))
        else:
            kinds = ", ".join(SUFFIXES + VIDEO_SUFFIXES)
            faults.append(BadInputError("neither an image nor a video", where=file.name, expected=kinds))
    return uploads, faults
