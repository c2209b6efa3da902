"""Predictions as COCO results: ``{image_id, category_id, keypoints [x, y, score] × K, score, bbox, states}``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.files import coco_files
from kpplugins.data.coco.reader import CocoFile
from kpplugins.data.coco.schema import coco_object, has_keypoints
from kpplugins.data.coco.writer import images_of
from kpplugins.data.faults import settle_faults
from kpplugins.data.parsing.documents import load_json
from kpplugins.data.parsing.values import as_dict, as_list, as_number, as_numbers, coco_id
from kpplugins.data.record_builder import MARGIN
from kpplugins.formats.writing.content import Content
from kpplugins.formats.writing.predicted import Prediction, as_states, predicted_content
from kpplugins.storage.files import is_folder
from kpplugins.structures import BadInputError


@dataclass
class _Ids:
    """The meaning of the ids in the annotation files.

    ``images`` has ``None`` for an id that means different images in different files.
    """

    images: dict[str, Path | None]
    categories: dict[str, str]


def match_results(
    reading: AnnotationSet, source: Path, predictions: Path, threshold: float | None, skip_bad: bool
) -> Content:
    """Put predictions in place of the records of ``reading``, on the same images, matched by image id.

    Args:
        reading: what was read from ``source``; gives images, splits and schema.
        source: the COCO folder or file that defines the ids.
        predictions: the results file.
        threshold: see ``predicted_content``.
        skip_bad: skip bad entries.

    Returns:
        What is to be written.

    Raises:
        BadInputError: an entry of an unknown image or category, of another number of keypoints, or malformed, and
            ``skip_bad`` is false; or the file is not a list.
    """
    entries = as_list(load_json(predictions), "the file", str(predictions))
    ids = _ids(source)
    known = {image.path for image in images_of(reading)}
    found: dict[Path, list[Prediction]] = {}
    faults: list[BadInputError] = []
    for i, entry in enumerate(entries):
        where = f"{predictions} [{i}]"
        try:
            entry = as_dict(entry, "prediction", where)
            path = _image_of(entry, ids, known, where)
            prediction = _prediction(entry, ids, reading.schema.num_keypoints, predictions, where)
            found.setdefault(path, []).append(prediction)
        except BadInputError as fault:
            faults.append(fault)
    settle_faults(faults, skip_bad)
    return predicted_content(
        reading.schema, images_of(reading), found, threshold, origin=predictions.name,
        splits=reading.splits, faults=[*reading.faults, *faults],
    )  # fmt: skip


def _ids(source: Path) -> _Ids:
    files = coco_files(source) if is_folder(source) else [source]
    root = source if is_folder(source) else source.parent
    ids = _Ids({}, {})
    for file in files:
        content = coco_object(file)
        if len(files) > 1 and not has_keypoints(content):
            continue
        part = CocoFile(file, content, root, margin=MARGIN, check_images=False)
        ids.categories.update(part.categories)
        for key, image in part.images().items():
            if image is not None and ids.images.setdefault(key, image.path) != image.path:
                ids.images[key] = None
    return ids


def _image_of(entry: dict[str, Any], ids: _Ids, known: set[Path], where: str) -> Path:
    key = coco_id(entry.get("image_id")) or ""
    path = ids.images.get(key)
    if path is not None and path in known:
        return path
    double = key in ids.images and path is None
    raise BadInputError(
        "prediction for an id of two images" if double else "prediction for an unknown image",
        where=where,
        expected="an image id of the annotation files",
        found=f"image_id {entry.get('image_id')!r}"[:60],
        todo="give the one annotation file that was predicted as source",
    )


def _prediction(entry: dict[str, Any], ids: _Ids, k: int, path: Path, where: str) -> Prediction:
    only = next(iter(ids.categories)) if len(ids.categories) == 1 else None
    category = coco_id(entry["category_id"]) if "category_id" in entry else only
    if category is None or category not in ids.categories:
        raise BadInputError(
            "prediction of an unknown category", where=where, expected=f"one of {sorted(map(str, ids.categories))}",
            found=f"category_id {entry.get('category_id')!r}"[:60],
        )  # fmt: skip
    flat = as_numbers(entry.get("keypoints"), "keypoints", where)
    if len(flat) != 3 * k:
        raise BadInputError(
            "prediction has another number of keypoints",
            where=where,
            expected=f"{k} keypoints, {3 * k} numbers",
            found=f"{len(flat)} numbers",
            todo="predict with a model of the same keypoints",
        )
    points = flat.reshape(k, 3)
    given = entry.get("bbox")
    box = None if given is None else as_numbers(given, "bbox", where, 4)
    corners = None if box is None else np.concatenate([box[:2], box[:2] + box[2:]])
    score = entry.get("score")
    mean = float(points[:, 2].mean())
    return Prediction(
        points, corners, mean if score is None else as_number(score, "score", where), path, where,
        ids.categories[category], as_states(entry.get("states"), k, where),
    )  # fmt: skip
