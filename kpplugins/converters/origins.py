"""Crops and the pictures they were cut out of."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

from kpplugins.converters.reading import ORIGINS_FILE


def picture_of_crops(folder: Path) -> Callable[[Path], str] | None:
    """The function that gives the picture of a crop by the crop's path, below ``folder`` or relative to it.

    Crops of one picture must not be in different splits. ``None`` where ``folder`` does not hold crops; a picture that
    is no crop is its own.
    """
    file = folder / ORIGINS_FILE
    if not file.is_file():
        return None
    with file.open(encoding="utf-8", newline="") as text:
        rows = [(Path(row.get("crop") or ""), row.get("picture") or "") for row in csv.DictReader(text)]
    shared = Path(os.path.commonpath([crop.parent for crop, _ in rows])) if rows else Path()
    picture_of = {Path("images") / crop.relative_to(shared): picture for crop, picture in rows}

    def picture(path: Path) -> str:
        below = path.relative_to(folder) if path.is_relative_to(folder) else path
        return picture_of.get(below) or path.as_posix()

    return picture
