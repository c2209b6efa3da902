"""Crops and the images they were cut out of."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

from kpplugins.data.annotation_set import ORIGINS_FILE


def image_of_crops(folder: Path) -> Callable[[Path], str] | None:
    """Return a function that gives the image that a crop was cut out of.

    Crops of one image must not be in different splits.

    Args:
        folder: the data set that may hold crops.

    Returns:
        From the path of a crop, below ``folder`` or relative to it, to its image; an image that is not a crop maps to
        itself. ``None`` if ``folder`` does not hold crops.
    """
    file = folder / ORIGINS_FILE
    if not file.is_file():
        return None
    with file.open(encoding="utf-8", newline="") as text:
        rows = [(Path(row.get("crop") or ""), row.get("image") or "") for row in csv.DictReader(text)]
    shared = Path(os.path.commonpath([crop.parent for crop, _ in rows])) if rows else Path()
    image_of = {Path("images") / crop.relative_to(shared): image for crop, image in rows}

    def image(path: Path) -> str:
        below = path.relative_to(folder) if path.is_relative_to(folder) else path
        return image_of.get(below) or path.as_posix()

    return image
