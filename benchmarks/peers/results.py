"""The neutral form of predictions: COCO keypoint results.

``results.json`` is a list with an entry for each predicted instance: ``image_id``, ``category_id``, ``keypoints`` (x, y
and score of each, in pixels of the image, the centre of the first pixel at 0) and ``score``; ``bbox`` (x, y, width,
height) in all of them, or in none if the method finds no boxes. A method that was given the boxes has one entry for
each, with its ``annotation_id``.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.structures import BadInputError

FILE, FACTS = "results.json", "facts.json"


def read_results(
    file: Path, content: Mapping[str, Any], given: Sequence[Mapping[str, Any]] | None
) -> list[dict[str, Any]]:
    """Read the predictions of a program and check them.

    Args:
        file: ``results.json``.
        content: the COCO object of the test.
        given: the annotations whose boxes the method was given; ``None`` if it finds the instances.

    Returns:
        The entries; with ``given``, in its order.

    Raises:
        BadInputError: an entry lacks a key, has another number of keypoints or numbers that are not finite, or is of an
            image or category that the test does not have; or there is not one for each given box.
    """
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError("no predictions", where=str(file), found=str(error)) from error
    images = {image["id"] for image in content["images"]}
    categories = {category["id"]: len(category["keypoints"]) for category in content["categories"]}
    keys = ("image_id", "category_id", "keypoints", "score")
    if given is not None or any("bbox" in row for row in rows):
        keys = (*keys, "bbox")
    for number, row in enumerate(rows, 1):
        missing = [key for key in keys if row.get(key) is None]
        if missing:
            raise BadInputError(f"no {missing[0]}", where=f"{file}, entry {number}", found=", ".join(row))
        _check(row, images, categories, f"{file}, entry {number}")
    if given is None:
        return list(rows)
    by_box = {row.get("annotation_id"): row for row in rows}
    wanted = [annotation["id"] for annotation in given]
    if sorted(map(str, (row.get("annotation_id") for row in rows))) != sorted(map(str, wanted)):
        raise BadInputError(
            "not one prediction for each given box", where=str(file),
            expected=f"{len(wanted)}, each annotation_id once",
            found=f"{len(rows)} entries, {len(set(by_box) & set(wanted))} of these ids",
        )  # fmt: skip
    return [by_box[number] for number in wanted]


def _check(row: Mapping[str, Any], images: set[int], categories: Mapping[int, int], where: str) -> None:
    if row["image_id"] not in images or row["category_id"] not in categories:
        raise BadInputError(
            "of no image or category of the test", where=where,
            found=f"image_id {row['image_id']}, category_id {row['category_id']}",
        )  # fmt: skip
    box = row.get("bbox", [0, 0, 0, 0])
    for key, values, length in (
        ("keypoints", row["keypoints"], 3 * categories[row["category_id"]]), ("bbox", box, 4)
    ):  # fmt: skip
        if len(values) != length:
            raise BadInputError(
                f"{key} of another length", where=where, expected=str(length), found=str(len(values))
            )
    if not np.isfinite([*row["keypoints"], *box, row["score"]]).all():
        raise BadInputError("a number that is not finite", where=where)
