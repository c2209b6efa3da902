"""Predictions as a table: one row a keypoint."""

import csv
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
        for frame in frames:
            where: dict[str, Any] = {name: frame[name] for name in ("frame", "time") if name in frame}
            where |= {"image": as_cell(str(frame["image"]))} if "image" in frame else {}
            if not frame["instances"]:
                table.writerow(where)
            for i, instance in enumerate(frame["instances"]):
                own: dict[str, Any] = {
                    name: instance[name] for name in ("track_id", "category") if name in instance
                }
                own |= dict(zip(("x1", "y1", "x2", "y2"), instance["bbox"], strict=True))
                seen, states = (
                    instance.get(key) or [""] * len(frames.names) for key in ("visibility", "states")
                )
                for name, (x, y, score), p, state in zip(
                    frames.names, instance["keypoints"], seen, states, strict=True
                ):
                    table.writerow(
                        {**where, "instance": i, **own, "instance_score": instance["score"],
                         "keypoint": as_cell(name), "x": x, "y": y, "score": score, "visibility": p, "state": state}
                    )  # fmt: skip
    return [path]
