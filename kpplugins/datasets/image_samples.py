"""Samples of whole images with all their instances: compact ones to keep, complete ones for a pipeline.

An image is kept as bytes, with one row of float64 numbers per instance: id, category (1-based), crowd, area, the box
(4), and x, y, visibility of the K keypoints. This keeps a hundred thousand instances in about ten thousand small
dicts.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import xyxy_to_xywh

_FIXED = 8


def small_images(
    records: Sequence[PoseRecord],
    backgrounds: Sequence[ImageInfo],
    chosen: Sequence[int],
    classes: Sequence[str],
) -> tuple[list[dict], Counter[str]]:
    """Build one compact sample per image, backgrounds last.

    Crowds and instances without a labelled keypoint are kept.

    Args:
        records: N instances.
        backgrounds: images without any.
        chosen: indices of the K keypoints to use.
        classes: category names; an instance gets the 1-based index of its category among them.

    Returns:
        The samples, and how many instances are ``crowd`` or ``unlabelled``.

    Raises:
        BadInputError: an instance of a category that is not among the classes.
    """
    numbers: dict[Path, int] = {}
    places = np.array([numbers.setdefault(r.image, len(numbers)) for r in records], np.int64)
    for image in backgrounds:
        numbers.setdefault(image.path, len(numbers))
    rows = _rows(records, chosen, classes)
    plain, points = rows[:, 2] == 0, rows[:, _FIXED:].reshape(len(rows), -1, 3)
    counts = Counter({
        "crowd": int((~plain).sum()), "unlabelled": int((plain & ~(points[:, :, 2] > 0).any(1)).sum()),
    })  # fmt: skip
    order = np.argsort(places, kind="stable")
    rows, ends = rows[order], np.searchsorted(places[order], np.arange(len(numbers)), side="right")
    starts = [0, *ends.tolist()]
    samples = [
        {"img_id": i + 1, "img_path": str(path), "rows": rows[starts[i] : starts[i + 1]].tobytes()}
        for path, i in numbers.items()
    ]
    return samples, counts


def whole_image(small: dict, num_keypoints: int, classes: Sequence[str]) -> dict:
    """Unpack the sample of an image.

    Args:
        small: one sample of ``small_images``.
        num_keypoints: K.
        classes: category names, as for ``small_images``.

    Returns:
        The complete sample; see ``RecordDataset`` for its keys.
    """
    rest = dict(small)
    rows = np.frombuffer(rest.pop("rows")).reshape(-1, _FIXED + 3 * num_keypoints)
    points = rows[:, _FIXED:].reshape(len(rows), num_keypoints, 3)
    ids, kinds, crowds = rows[:, :3].T.astype(np.int64)
    annotations = [
        {
            "id": int(ids[i]), "image_id": small["img_id"], "category_id": int(kinds[i]),
            "category": classes[kinds[i] - 1], "iscrowd": int(crowds[i]), "area": float(rows[i, 3]),
            "bbox": box, "keypoints": flat, "num_keypoints": int((points[i, :, 2] > 0).sum()),
        }
        for i, (box, flat) in enumerate(
            zip(xyxy_to_xywh(rows[:, 4:8]).tolist(), rows[:, _FIXED:].tolist(), strict=True)
        )
    ]  # fmt: skip
    return {
        **rest,
        "id": ids.tolist(),  # a list, as in MMPose: its CocoMetric sorts predictions by it
        "category_id": kinds,
        "iscrowd": crowds,
        "bbox": rows[:, 4:8].astype(np.float32),
        "bbox_score": np.ones(len(rows), np.float32),
        "area": rows[:, 3].astype(np.float32),
        "keypoints": points[:, :, :2].astype(np.float32),
        "keypoints_visible": np.minimum(points[:, :, 2], 1).astype(np.float32),
        "raw_ann_info": annotations,
    }


def _rows(records: Sequence[PoseRecord], chosen: Sequence[int], classes: Sequence[str]) -> np.ndarray:
    """Build the rows (N, 8 + 3K) that the module docstring describes."""
    kinds = {name: i for i, name in enumerate(classes, 1)}
    nameless = next((record for record in records if record.category not in kinds), None)
    if nameless is not None:
        raise BadInputError(
            f"instance of {nameless.category!r}, which is not a category of the annotation file",
            where=str(nameless.source), expected=f"one of {', '.join(classes)}", found=str(nameless.image),
            todo="add it to the file's categories, with its id",
        )  # fmt: skip
    rows = np.empty((len(records), _FIXED + 3 * len(chosen)))
    for row, (i, record) in zip(rows, enumerate(records, 1), strict=True):
        row[:4] = i, kinds[record.category], record.crowd, record.area
        row[4:8] = record.bbox
        row[_FIXED:] = record.keypoints[chosen].reshape(-1)
    return rows
