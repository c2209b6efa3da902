"""Grids of image tiles."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from kpplugins.data.images import write_image
from kpplugins.evaluation.coco_detection import box_overlap
from kpplugins.evaluation.evaluation_result import EvaluationResult
from kpplugins.evaluation.functional import oks
from kpplugins.structures.geometry import xyxy_to_xywh
from kpplugins.visualization.draw import TRUTH_COLOR, draw_points
from kpplugins.visualization.grid import grid

SHEET = "best_and_worst.jpg"
"""File of the sheet in a work dir."""
TILE = 240
"""Side of a tile in pixels."""
FOUND_COLOR = (80, 220, 80)
"""Colour of predicted boxes, BGR."""
_CAPTION, _LETTERS = 22, 0.42
_CONTEXT = 0.35
"""Margin around the box, as a fraction of it."""


def best_and_worst(
    result: EvaluationResult,
    path: Path,
    image_of: Callable[[str], np.ndarray],
    each: int = 8,
    columns: int = 4,
) -> None:
    """Write a sheet of the best, median and worst instances: truth in white, prediction in colour.

    The median ones are those around the middle of the order that are neither among the best nor the worst. Captions
    give the rank, the mean error in pixels and the OKS. If the model predicts boxes, both boxes are drawn and their IoU
    is given; missed instances are the worst. Instances without a labelled keypoint are left out.

    Args:
        result: the result of a test.
        path: the image to write; nothing is written if there is no instance to show.
        image_of: returns the image of an image path, (H, W, 3) BGR uint8.
        each: number of best, of median and of worst instances.
        columns: tiles per row.
    """
    error, labelled = result.instance_error, result.labelled.any(axis=1)
    order = [int(i) for i in np.argsort(error, kind="stable") if not np.isnan(error[i])]
    missed = [int(i) for i in np.flatnonzero(np.isnan(error) & labelled)]
    if not order and not missed:
        return
    worst = (missed + order[::-1])[:each]
    between = [i for i in order[each:] if i not in worst]
    middle = max(0, (len(between) - each) // 2)
    rows = []
    for title, chosen in (
        ("best", order[:each]), ("median", between[middle : middle + each]), ("worst", worst)
    ):  # fmt: skip
        captions = [f"{title} {n}  {_caption(result, i)}" for n, i in enumerate(chosen, 1)]
        tiles = [
            _tile(result, i, image_of(result.images[i]), caption)
            for i, caption in zip(chosen, captions, strict=True)
        ]
        rows += [grid(tiles, columns)] if tiles else []
    write_image(path, np.vstack(rows))


def _caption(result: EvaluationResult, i: int) -> str:
    """Describe how good the i-th instance is."""
    distance = result.distance[i : i + 1]
    if np.isnan(distance).all():
        return "missed"
    similarity = oks(distance, result.areas[i : i + 1], np.array(result.schema.sigmas))[0]
    words = f"{np.nanmean(distance):.1f} px  OKS {similarity:.2f}"
    if result.found_boxes is None:
        return words
    found, true = xyxy_to_xywh(result.found_boxes[i : i + 1]), xyxy_to_xywh(result.boxes[i : i + 1])
    return f"{words}  IoU {box_overlap(found, true, np.zeros(1, bool))[0, 0]:.2f}"


def _tile(result: EvaluationResult, i: int, image: np.ndarray, caption: str) -> np.ndarray:
    x1, y1, x2, y2 = result.boxes[i]
    side = max(x2 - x1, y2 - y1) * (1 + 2 * _CONTEXT)
    scale = TILE / side
    shift = np.array([(x1 + x2) / 2 - side / 2, (y1 + y2) / 2 - side / 2])
    matrix = np.array([[scale, 0, -shift[0] * scale], [0, scale, -shift[1] * scale]])
    tile = cv2.warpAffine(image, matrix, (TILE, TILE), flags=cv2.INTER_LINEAR)
    if result.found_boxes is not None:
        for box, color in ((result.boxes[i], TRUTH_COLOR), (result.found_boxes[i], FOUND_COLOR)):
            if not np.isnan(box).any():
                corners = np.rint((box.reshape(2, 2) - shift) * scale).astype(int).tolist()
                cv2.rectangle(tile, corners[0], corners[1], color, 1, cv2.LINE_AA)
    everything = np.ones(len(result.scores[i]), bool)
    labelled = result.labelled[i]
    found = labelled & ~np.isnan(result.predicted[i]).any(axis=1)
    draw_points(tile, (result.truth[i] - shift) * scale, result.schema, everything, 1, TRUTH_COLOR, labelled)
    draw_points(tile, (result.predicted[i] - shift) * scale, result.schema, everything, 1, None, found)
    strip = np.zeros((_CAPTION, TILE, 3), np.uint8)
    font = cv2.FONT_HERSHEY_SIMPLEX
    (width, _), _ = cv2.getTextSize(caption, font, _LETTERS, 1)
    size = _LETTERS * min(1, (TILE - 8) / width)
    cv2.putText(strip, caption, (4, 15), font, size, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([strip, tile])
