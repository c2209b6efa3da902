"""Grids of picture tiles."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from kpplugins.evaluation.evaluation_result import EvaluationResult
from kpplugins.evaluation.functional import oks
from kpplugins.visualization.draw import TRUTH_COLOR, draw_points
from kpplugins.visualization.grid import grid

TILE = 240
"""Side of a tile in pixels."""
_CAPTION = 22
_CONTEXT = 0.35
"""Fraction of the box that is shown around it."""


def best_and_worst(
    result: EvaluationResult,
    path: Path,
    picture_of: Callable[[str], np.ndarray],
    each: int = 8,
    columns: int = 4,
) -> None:
    """Write a sheet of the ``each`` best and ``each`` worst instances: truth in white, prediction in colour.

    ``picture_of`` gives the picture of an image path, (H, W, 3) BGR uint8. Captions give the rank, the mean error in
    pixels and the OKS. Instances without a label are left out.
    """
    error = result.instance_error
    order = [int(i) for i in np.argsort(error, kind="stable") if not np.isnan(error[i])]
    if not order:
        return
    similarity = oks(result.distance, result.areas, np.array(result.schema.sigmas))
    best, worst = order[:each], order[::-1][:each]
    rows = []
    for title, chosen in (("best", best), ("worst", worst)):
        tiles = []
        for n, i in enumerate(chosen, 1):
            caption = f"{title} {n}  {np.nanmean(result.distance[i]):.1f} px  OKS {similarity[i]:.2f}"
            tiles.append(_tile(result, i, picture_of(result.images[i]), caption))
        rows.append(grid(tiles, columns))
    cv2.imwrite(str(path), np.vstack(rows))


def _tile(result: EvaluationResult, i: int, picture: np.ndarray, caption: str) -> np.ndarray:
    x1, y1, x2, y2 = result.boxes[i]
    side = max(x2 - x1, y2 - y1) * (1 + 2 * _CONTEXT)
    scale = TILE / side
    shift = np.array([(x1 + x2) / 2 - side / 2, (y1 + y2) / 2 - side / 2])
    matrix = np.array([[scale, 0, -shift[0] * scale], [0, scale, -shift[1] * scale]])
    tile = cv2.warpAffine(picture, matrix, (TILE, TILE), flags=cv2.INTER_LINEAR)
    everything = np.ones(len(result.scores[i]), bool)
    labelled = result.labelled[i]
    for points, color in ((result.truth[i], TRUTH_COLOR), (result.predicted[i], None)):
        draw_points(tile, (points - shift) * scale, result.schema, everything, 1, color, labelled)
    strip = np.zeros((_CAPTION, TILE, 3), np.uint8)
    cv2.putText(strip, caption, (4, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([strip, tile])
