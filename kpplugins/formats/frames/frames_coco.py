"""Predictions as COCO: the images and categories, and the results that refer to them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.coco.writer import coco_category
from kpplugins.formats.frames.predicted_frames import PredictedFrames
from kpplugins.structures.geometry import xyxy_to_xywh
from kpplugins.structures.replaced_file import replaced_file

ENDINGS = ("_coco.json", "_coco_results.json")
"""What stands behind the name of the results in those of the two files."""


def write_frames_coco(frames: PredictedFrames, stem: Path) -> list[Path]:
    """Write ``NAME_coco.json`` and ``NAME_coco_results.json``, which ``COCO(…).loadRes(…)`` of pycocotools reads.

    The images of a video are called ``frame_000000.png`` and so on, as ``ffmpeg -i VIDEO -start_number 0
    frame_%06d.png`` calls them; each has its ``frame`` and ``time``, and ``info`` the video and its rate.

    Args:
        frames: the predictions.
        stem: path of the files without ending.

    Returns:
        The two files.

    Raises:
        BadInputError: they cannot be written.
    """
    images, results = (stem.with_name(stem.name + ending) for ending in ENDINGS)
    schema = frames.schema
    found = {str(i.get("category", schema.name)) for frame in frames for i in frame["instances"]}
    numbers = {name: i for i, name in enumerate(sorted(found) or [schema.name], 1)}
    head = {
        "info": {name: frames.head[name] for name in ("source", "kind", "fps") if name in frames.head},
        "categories": [coco_category(schema, number, name) for name, number in numbers.items()],
        "annotations": [],
    }
    with replaced_file(images) as aside, aside.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head)[:-1] + ', "images": ')
        _write_list(file, (_image(frame, frames.head) for frame in frames if "fault" not in frame))
        file.write("}\n")
    rows = (_result(frame, i, numbers, schema.name) for frame in frames for i in frame["instances"])
    with replaced_file(results) as aside, aside.open("w", encoding="utf-8") as file:
        _write_list(file, rows)
    return [images, results]


def _write_list(file: Any, values: Iterable[dict]) -> None:
    """Write a JSON list value by value."""
    file.write("[")
    for i, value in enumerate(values):
        file.write(("," if i else "") + "\n" + json.dumps(value))
    file.write("\n]")


def _image(frame: dict, head: dict) -> dict:
    size = {name: frame.get(name, head.get(name)) for name in ("width", "height")}
    name = frame.get("image", f"frame_{frame['frame']:06d}.png")
    when = {key: frame[key] for key in ("frame", "time") if key in frame and "image" not in frame}
    return {"id": frame["frame"], "file_name": name, **size, **when}


def _result(frame: dict, instance: dict, numbers: dict[str, int], otherwise: str) -> dict:
    own = {key: instance[key] for key in ("track_id", "visibility", "states") if key in instance}
    return {
        "image_id": frame["frame"],
        "category_id": numbers[str(instance.get("category", otherwise))],
        "bbox": [round(float(v), 2) for v in xyxy_to_xywh(np.array(instance["bbox"]))],
        "keypoints": [v for row in instance["keypoints"] for v in row],
        "score": instance["score"],
        **own,
    }
