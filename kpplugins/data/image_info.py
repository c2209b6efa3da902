"""One image file and its size."""

from dataclasses import dataclass
from pathlib import Path

from kpplugins.data.placement.made_on import MadeOn


@dataclass(frozen=True)
class ImageInfo:
    """One image.

    Attributes:
        path: the file.
        width: in pixels, EXIF orientation applied.
        height: in pixels, EXIF orientation applied.
        made_on: the image that the annotation was made on, where it is not this one as it is decoded.
    """

    path: Path
    width: int
    height: int
    made_on: MadeOn | None = None

    @property
    def annotated_size(self) -> tuple[int, int]:
        """Return width and height of the image that the annotation was made on: those of its fractions and percents."""
        return (self.made_on.width, self.made_on.height) if self.made_on else (self.width, self.height)
