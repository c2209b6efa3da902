"""Predictions as a table: one row a keypoint."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kpplugins.data.parsing.cells import as_cell
from kpplugins.formats.frames.predicted_frames import PredictedFrames
from kpplugins.structures.replaced_file import replaced_file

COLUMNS = (
    "frame", "time", "image", "instance", "track_id", "category", "x1", "y1", "x2", "y2", "instance_score",
    "keypoint", "x", "y", "score", "visibility", "state",
)  # fmt: skip


def write_frames_csv(frames: PredictedFrames, stem: Path) -> list[Path]:
    """Write ``NAME.csv``: one row a keypoint, with its frame, time, instance and box; unknown values are empty.

    A frame without instances has one row without keypoint, so that it can be told from one that is not there.

    Args:
        frames: the predictions.
        stem: path of the file without ending.

    Returns:
        The file.

    Raises:
        BadInputError: it cannot be written.
    """
    path = stem.with_name(stem.name + ".csv")
    with replaced_file(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        table.writeheader()
        for row in table_of_keypoints(frames):
            named: dict[str, Any] = {
                key: as_cell(str(row[key])) for key in ("image", "keypoint") if key in row
            }
            table.writerow({**row, **named})
    return [path]


def table_of_keypoints(frames: PredictedFrames) -> Iterator[dict[str, Any]]:
    """Yield one row a keypoint, and one for a frame without instances.

    Args:
        frames: the predictions.

    Yields:
        Values by the names of ``COLUMNS``; unknown ones are not there.
    """
    for frame in frames:
        where: dict[str, Any] = {name: frame[name] for name in ("frame", "time", "image") if name in frame}
        if not frame["instances"]:
            yield where
        for i, instance in enumerate(frame["instances"]):
            own: dict[str, Any] = {
                name: instance[name] for name in ("track_id", "category") if name in instance
            }
            own |= dict(zip(("x1", "y1", "x2", "y2"), instance["bbox"], strict=True))
            said = {"visibility": instance.get("visibility"), "state": instance.get("states")}
            for k, (name, (x, y, score)) in enumerate(zip(frames.names, instance["keypoints"], strict=True)):
                known = {key: values[k] for key, values in said.items() if values}
                row = {"instance": i, **own, "instance_score": instance["score"], "keypoint": name}
                yield {**where, **row, "x": x, "y": y, "score": score, **known}
