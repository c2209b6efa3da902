"""Predictions as DeepLabCut's table, through pandas and PyTables, optional packages."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.parsing.cells import as_cell
from kpplugins.formats.frames.predicted_frames import PredictedFrames

KEY, SCORER = "df_with_missing", "kpplugins"
"""The names of the table and of who labelled, as DeepLabCut's programs look for them."""
_COORDS = ("x", "y", "likelihood")
_CELLS = 200_000
"""Values of the table that are in memory at once."""


class DeepLabCutTable:
    """The columns that all frames need together, and the rows in parts.

    Args:
        frames: the predictions.

    Attributes:
        levels: the names of the levels of the columns.
        columns: each column's value on each level.
        lost: instances without a track id, among others that have one; known once the rows were read.
    """

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

    def write_h5(self, path: Path) -> None:
        """Write the table part by part; one too wide for that, of which HDF5 cannot keep the names, at once.

        Args:
            path: the file.
        """
        import pandas
        from tables.exceptions import HDF5ExtError

        columns = pandas.MultiIndex.from_tuples(self.columns, names=self.levels)
        parts = (pandas.DataFrame(values, index, columns) for index, values in self.parts())
        try:
            with pandas.HDFStore(str(path), "w") as store:
                longest = {"index": max((len(str(self._name(f)).encode()) for f in self.frames), default=1)}
                for part in parts:
                    named = part.index.dtype.kind not in "iu"
                    store.append(
                        KEY, part, format="table", index=False, min_itemsize=longest if named else None
                    )
        except HDF5ExtError:
            whole = pandas.concat([pandas.DataFrame(v, i, columns) for i, v in self.parts()])
            whole.to_hdf(str(path), key=KEY, mode="w")
