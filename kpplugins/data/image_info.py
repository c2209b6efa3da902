"""One image file and its size."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ImageInfo:
    """One image.

    Attributes:
        path: the file.
        width: in pixels, EXIF orientation applied.
        height: in pixels, EXIF orientation applied.
    """

    path: Path
    width: int
    height: int
