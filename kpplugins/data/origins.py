"""Crops and the images they were cut out of."""

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path

from kpplugins.data.annotation_set import ORIGINS_FILE
from kpplugins.data.parsing.cells import from_cell
from kpplugins.data.parsing.text import one_line, read_text
from kpplugins.storage.files import is_file
from kpplugins.structures import BadInputError


def image_of_crops(folder: Path) -> Callable[[Path], str] | None:
    """Return a function that gives the image that a crop was cut out of.

    Crops of one image must not be in different splits.

    Args:
        folder: the data set that may hold crops.

    Returns:
        From the path of a crop, below ``folder`` or relative to it, to its image; an image that is not a crop maps to
        itself. ``None`` if ``folder`` does not hold crops.

    Raises:
        BadInputError: its table of crops cannot be read.
    """
    file = folder / ORIGINS_FILE
    if not is_file(file):
        return None
    try:
        table = csv.DictReader(io.StringIO(read_text(file), newline=""))
        cells = [[from_cell(row.get(column) or "") for column in ("crop", "image")] for row in table]
        rows = [(Path(crop), image) for crop, image in cells]
        shared = Path(os.path.commonpath([crop.parent for crop, _ in rows])) if rows else Path()
    except (csv.Error, ValueError) as error:
        if isinstance(error, BadInputError):
            raise
        raise BadInputError(
            f"not a table of crops ({one_line(error)})", where=str(file), todo="crop again, or delete it"
        ) from error
    image_of = {Path("images") / crop.relative_to(shared): image for crop, image in rows}

    def image(path: Path) -> str:
        below = path.relative_to(folder) if path.is_relative_to(folder) else path
        return image_of.get(below) or path.as_posix()

    return image
