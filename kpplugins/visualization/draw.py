"""Points and skeleton on a picture."""

import cv2
import numpy as np

from kpplugins.structures import KeypointSchema, PoseResult

_REFERENCE_SIDE = 400
"""Picture side in pixels at which lines are one step thick; larger pictures get thicker lines."""
TRUTH_COLOR = (255, 255, 255)


def draw_pose(
    picture: np.ndarray,
    result: PoseResult,
    schema: KeypointSchema,
    score_thr: float = 0.3,
    boxes: bool = True,
) -> np.ndarray:
    """A copy of ``picture`` (H, W, 3) BGR with every instance's skeleton, points and box.

    Points below ``score_thr`` are drawn as rings and their lines are left out.
    """
    canvas = picture.copy()
    step = thickness_for(picture)
    for points, scores, box in zip(result.keypoints, result.scores, result.boxes, strict=True):
        if boxes:
            x1, y1, x2, y2 = (round(float(v)) for v in box)
            cv2.rectangle(canvas, (x1, y1), (x2, y2), (200, 200, 200), step, cv2.LINE_AA)
        draw_points(canvas, points, schema, scores >= score_thr, step)
    return canvas


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


def thickness_for(picture: np.ndarray) -> int:
    """Line thickness in pixels that suits a picture's size."""
    return max(1, round(max(picture.shape[:2]) / _REFERENCE_SIDE))
