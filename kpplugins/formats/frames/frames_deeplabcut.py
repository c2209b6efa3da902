"""Predictions as DeepLabCut's tables (``.h5`` and CSV), through pandas and PyTables, optional packages."""

import csv
import logging
from pathlib import Path

import numpy as np

from kpplugins.data.parsing.cells import as_cell
from kpplugins.formats.frames.deeplabcut_table import DeepLabCutTable
from kpplugins.formats.frames.predicted_frames import PredictedFrames
from kpplugins.structures.replaced_file import replaced_file

logger = logging.getLogger(__name__)


def write_frames_deeplabcut(frames: PredictedFrames, stem: Path) -> list[Path]:
    """Write ``NAME_dlc.h5`` and ``NAME_dlc.csv``: a row a frame, x, y and likelihood of every body part.

    With several instances in a frame, or with tracks, the columns have DeepLabCut's level ``individuals``: one a
    track, or, without tracks, the first, second, … instance of each frame, which need not be the same animal.

    Args:
        frames: the predictions.
        stem: path of the files without ending.

    Returns:
        The two files.

    Raises:
        BadInputError: they cannot be written.
    """
    table = DeepLabCutTable(frames)
    paths = [stem.with_name(f"{stem.name}_dlc{ending}") for ending in (".h5", ".csv")]
    with replaced_file(paths[0]) as aside:
        table.write_h5(aside)
    with replaced_file(paths[1]) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        for name, level in zip(table.levels, zip(*table.columns, strict=True), strict=True):
            rows.writerow([name, *map(as_cell, level)])
        for indices, values in table.parts():
            for index, row in zip(indices, values, strict=True):
                rows.writerow([index, *("" if np.isnan(v) else f"{v:.9g}" for v in row)])
    if table.lost:
        logger.warning(
            "%s: %d instances without a track id are left out; the other formats have them",
            paths[0], table.lost,
        )  # fmt: skip
    return paths
