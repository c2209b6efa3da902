"""Predictions as DeepLabCut's tables (``.h5`` and CSV), through pandas and PyTables, optional packages."""

import csv
import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.parsing.cells import as_cell
from kpplugins.formats.frames.predicted_frames import PredictedFrames
from kpplugins.structures.replaced_file import replaced_file

logger = logging.getLogger(__name__)
KEY, SCORER = "df_with_missing", "kpplugins"
"""The names of the table and of who labelled, as DeepLabCut's programs look for them."""
_COORDS = ("x", "y", "likelihood")
_CELLS = 200_000
"""Values of the table that are in memory at once."""


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
    table = _Table(frames)
    paths = [stem.with_name(f"{stem.name}_dlc{ending}") for ending in (".h5", ".csv")]
    with replaced_file(paths[0]) as aside:
        _write_h5(table, aside)
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


class _Table:
    """The columns that all frames need together, and the rows in parts."""

    def __init__(self, frames: PredictedFrames) -> None:
        self.frames, self.lost = frames, 0
        tracks: set[int] = set()
        most, tracked = 0, False
        for frame in frames:
            ids = [i["track_id"] for i in frame["instances"] if "track_id" in i]
            tracked = tracked or bool(ids)
            tracks.update(number for number in ids if number >= 0)
            most = max(most, len(frame["instances"]))
        self.places = {number: i for i, number in enumerate(sorted(tracks))} if tracked else None
        who = (
            [f"track_{i}" for i in sorted(tracks)] if tracked else [f"instance_{i + 1}" for i in range(most)]
        )
        several = tracked or most > 1
        self.who = who or ["instance_1"]
        self.levels = ("scorer", *(("individuals",) if several else ()), "bodyparts", "coords")
        self.columns = [
            (SCORER, *((one,) if several else ()), part, coord)
            for one, part, coord in itertools.product(self.who, frames.names, _COORDS)
        ]

    def parts(self) -> Iterator[tuple[list[Any], np.ndarray]]:
        """Yield the names of some rows, and their values; NaN where nothing was found."""
        self.lost, step = 0, max(1, _CELLS // len(self.columns))
        frames = iter(self.frames)
        while part := list(itertools.islice(frames, step)):
            yield [self._name(frame) for frame in part], np.stack([self._row(frame) for frame in part])

    def _name(self, frame: dict[str, Any]) -> Any:
        return as_cell(str(frame["image"])) if "image" in frame else frame["frame"]

    def _row(self, frame: dict[str, Any]) -> np.ndarray:
        row = np.full((len(self.who), len(self.frames.names), 3), np.nan)
        for i, instance in enumerate(frame["instances"]):
            place = i if self.places is None else self.places.get(instance.get("track_id", -1))
            if place is None:
                self.lost += 1
            else:
                row[place] = instance["keypoints"]
        return row.ravel()


def _write_h5(table: _Table, path: Path) -> None:
    """Write the table part by part; one too wide for that, of which HDF5 cannot keep the names, at once."""
    import pandas
    from tables.exceptions import HDF5ExtError

    columns = pandas.MultiIndex.from_tuples(table.columns, names=table.levels)
    parts = (pandas.DataFrame(values, index, columns) for index, values in table.parts())
    try:
        with pandas.HDFStore(str(path), "w") as store:
            longest = {"index": max((len(str(table._name(f)).encode()) for f in table.frames), default=1)}
            for part in parts:
                named = part.index.dtype.kind not in "iu"
                store.append(KEY, part, format="table", index=False, min_itemsize=longest if named else None)
    except HDF5ExtError:
        whole = pandas.concat([pandas.DataFrame(v, i, columns) for i, v in table.parts()])
        whole.to_hdf(str(path), key=KEY, mode="w")
