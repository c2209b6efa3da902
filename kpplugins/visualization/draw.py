"""Points and skeleton on an image."""

import cv2
import numpy as np

from kpplugins.schema import KeypointSchema
from kpplugins.structures import PoseResult

_REFERENCE_SIDE = 400
"""Image side in pixels at which lines are one step thick; larger images get thicker lines."""
TRUTH_COLOR = (255, 255, 255)
BOX_COLOR = (200, 200, 200)


def draw_pose(
    image: np.ndarray,
    result: PoseResult,
    schema: KeypointSchema,
    score_thr: float = 0.3,
    boxes: bool = True,
) -> np.ndarray:
    """A copy of ``image`` (H, W, 3) BGR with every instance's skeleton, points and box.

    Points below ``score_thr`` are drawn as rings and their lines are left out. Above a box stand what its object is and
    its score, where a model has said so.
    """
    canvas = image.copy()
    step = thickness_for(image)
    for i, (points, scores, box) in enumerate(
        zip(result.keypoints, result.scores, result.boxes, strict=True)
    ):
        if boxes:
            x1, y1, x2, y2 = (round(float(v)) for v in box)
            cv2.rectangle(canvas, (x1, y1), (x2, y2), BOX_COLOR, step, cv2.LINE_AA)
            draw_label(canvas, label_of(result, i), (x1, y1), step)
        draw_points(canvas, points, schema, scores >= score_thr, step)
    return canvas


def label_of(result: PoseResult, i: int) -> str:
    """What is known of the i-th instance as a whole, e.g. ``cup 0.93``; empty where nothing is."""
    words = [] if result.categories is None else [result.categories[i]]
    return " ".join(words if result.box_scores is None else [*words, f"{result.box_scores[i]:.2f}"])


def draw_label(canvas: np.ndarray, text: str, corner: tuple[int, int], step: int) -> None:
    """Write into ``canvas`` (H, W, 3) above a box's upper left ``corner`` (x, y), or below it at the image's edge.

    OpenCV's letters are ASCII; others become question marks.
    """
    if not text:
        return
    text = text.encode("ascii", "replace").decode()
    font, size, line = cv2.FONT_HERSHEY_SIMPLEX, 0.4 + 0.15 * (step - 1), max(1, step // 2)
    (width, height), below = cv2.getTextSize(text, font, size, line)
    x = max(0, min(corner[0], canvas.shape[1] - width))
    y = corner[1] - below if corner[1] - below - height >= 0 else corner[1] + height + below
    cv2.rectangle(canvas, (x, y - height - 1), (x + width, y + below - 1), BOX_COLOR, -1)
    cv2.putText(canvas, text, (x, y), font, size, (0, 0, 0), line, cv2.LINE_AA)


def draw_points(
    canvas: np.ndarray,
    points: np.ndarray,
    schema: KeypointSchema,
    sure: np.ndarray,
    step: int,
    color: tuple[int, int, int] | None = None,
    shown: np.ndarray | None = None,
) -> None:
    """Draw one instance into ``canvas``.

    Args:
        canvas: (H, W, 3) BGR, changed.
        points: (K, 2) pixels.
        schema: colours and skeleton.
        sure: (K,) boolean; others become rings without lines.
        step: thickness in pixels.
        color: one BGR colour for everything instead of the schema's.
        shown: (K,) boolean; others are not drawn at all.
    """
    shown = np.ones(len(points), bool) if shown is None else shown
    colors = [color or (b, g, r) for r, g, b in schema.colors]
    where = [(round(float(x)), round(float(y))) for x, y in np.nan_to_num(points)]
    for a, b in schema.skeleton_indices:
        if sure[a] and sure[b] and shown[a] and shown[b]:
            cv2.line(canvas, where[a], where[b], colors[a], step, cv2.LINE_AA)
    for k, place in enumerate(where):
        if shown[k]:
            cv2.circle(canvas, place, 2 * step + 1, colors[k], -1 if sure[k] else step, cv2.LINE_AA)
            cv2.circle(canvas, place, 2 * step + 1, (0, 0, 0), 1, cv2.LINE_AA)


def thickness_for(image: np.ndarray) -> int:
    """Line thickness in pixels that suits an image's size."""
    return max(1, round(max(image.shape[:2]) / _REFERENCE_SIDE))
