"""Ultralytics YOLO pose: ``data.yaml``, ``images/SPLIT`` and ``labels/SPLIT``."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from kpplugins.data import PoseRecord
from kpplugins.data.coco.writer import names_below
from kpplugins.data.images import SUFFIXES
from kpplugins.data.splits import SPLITS
from kpplugins.formats.writing.content import Content
from kpplugins.formats.writing.folder import Lay, unlike_stems
from kpplugins.formats.writing.limits import RENAMED, lost_details, lost_scores
from kpplugins.formats.yolo_pose.reader import label_path
from kpplugins.structures import BadInputError

_STEP = 1e-9
"""Resolution of a fraction: a thousandth of a pixel, up to a million pixels."""


def write_yolo_pose(content: Content, made: Path, lay: Lay) -> Counter[str]:
    """Write ``images``, ``labels`` and ``data.yaml``; images without a split are in train.

    Args:
        content: what to write.
        made: the new folder.
        lay: puts the images there.

    Returns:
        What the format cannot hold, with counts.

    Raises:
        BadInputError: an image of a type that Ultralytics does not look for.
    """
    names, renamed = _layout(content)
    lay(names)
    for split in ("train", "val"):  # Ultralytics requires both
        (made / "images" / split).mkdir(parents=True, exist_ok=True)
        (made / "labels" / split).mkdir(parents=True, exist_ok=True)
    classes = {name: i for i, name in enumerate(content.categories)}
    for image in content.images:
        path = label_path(made, made / names[image.path])
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [_line(record, classes[record.category]) for record in content.records_of(image)]
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    used = [split for split in SPLITS if (made / "images" / split).is_dir()]
    text = yaml.safe_dump(_config(content, used), sort_keys=False, allow_unicode=True, width=1000)
    (made / "data.yaml").write_text(text, encoding="utf-8")
    return lost_details(content) + lost_scores(content) + Counter({RENAMED: renamed})


def _layout(content: Content) -> tuple[dict[Path, str], int]:
    """Name of each image in the new folder, and how many images had to be renamed."""
    wrong = [p.path for p in content.images if p.path.suffix.lower() not in SUFFIXES]
    if wrong:
        raise BadInputError(
            "image of a type that YOLO does not look for", where=str(wrong[0]), expected=", ".join(SUFFIXES),
            todo="save it as PNG or JPEG",
        )  # fmt: skip
    names: dict[Path, str] = {}
    renamed = 0
    for split in SPLITS:
        inside = [path for path, given in content.split_names.items() if (given or "train") == split]
        if inside:
            own = names_below(inside)
            unlike = unlike_stems(own)
            renamed += sum(unlike[path] != own[path] for path in inside)
            names.update({path: f"images/{split}/{name}" for path, name in unlike.items()})
    return names, renamed


def _config(content: Content, splits: list[str]) -> dict[str, Any]:
    schema = content.reading.schema
    paths = {split: f"images/{split}" for split in splits}
    flips = {} if schema.unflipped else {"flip_idx": schema.flip_indices}
    return {
        **paths,
        "kpt_shape": [schema.num_keypoints, 3],
        **flips,
        "names": dict(enumerate(content.categories)),
        "kpt_names": {i: list(schema.keypoints) for i in range(len(content.categories))},
    }


def _line(record: PoseRecord, number: int) -> str:
    width, height = record.width, record.height
    size = np.array([width, height, width, height], dtype=np.float64)
    sides = np.clip(record.bbox, 0, size) / size
    box = [*((sides[:2] + sides[2:]) / 2), *(sides[2:] - sides[:2])]
    words = [str(number), *(_text(value) for value in box)]
    for x, y, visibility in record.keypoints.tolist():
        labelled = visibility > 0
        words += [_fraction(x, width), _fraction(y, height), f"{visibility:.0f}"] if labelled else ["0"] * 3
    return " ".join(words)


def _fraction(value: float, size: int) -> str:
    """Divide without rounding up: a keypoint on the last pixel must not come back outside its image."""
    text = _text(value / size)
    return text if float(text) * size <= value else _text(value / size - _STEP)


def _text(value: float) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".")
