"""Drawing keypoints and skeleton on an image."""

from typing import Protocol

import cv2
import numpy as np

from kpplugins.schema import KeypointSchema
from kpplugins.structures.visibility.visibility_calibration import ABSENT, SCORE_THR, VISIBLE

_REFERENCE_SIDE = 400
"""Longer side in pixels of an image whose lines are one pixel thick; thickness grows in proportion."""
TRUTH_COLOR = (255, 255, 255)
BOX_COLOR = (200, 200, 200)


class _Instances(Protocol):
    """What is drawn: the fields of ``inference.pose_result.PoseResult`` by these names."""

    @property
    def keypoints(self) -> np.ndarray: ...
    @property
    def scores(self) -> np.ndarray: ...
    @property
    def boxes(self) -> np.ndarray: ...
    @property
    def states(self) -> np.ndarray | None: ...
    @property
    def radii(self) -> np.ndarray | None: ...
    @property
    def box_scores(self) -> np.ndarray | None: ...
    @property
    def categories(self) -> tuple[str, ...] | None: ...
    @property
    def track_ids(self) -> np.ndarray | None: ...


def draw_pose(
    image: np.ndarray,
    result: _Instances,
    schema: KeypointSchema,
    score_thr: float | None = None,
    boxes: bool = True,
    radii: bool = False,
) -> np.ndarray:
    """Draw the skeleton, keypoints and box of every instance on a copy of an image.

    A keypoint that is visible is drawn filled, an occluded one as a ring without lines, and an absent one not at all,
    where the model says so. Otherwise, and with a ``score_thr``, those with a lower score are rings. Above each box are
    its category and score, if the model predicts them.

    Args:
        image: (H, W, 3) BGR.
        result: the instances, in pixels of the image.
        schema: colours and skeleton.
        score_thr: least score of a keypoint that is drawn filled, whatever is said about its visibility; ``None``
            follows that, and takes ``SCORE_THR`` where nothing is said.
        boxes: draw the boxes, too.
        radii: draw the circle around each keypoint in which the true one is with a probability of 0.9, where it is
            known.

    Returns:
        (H, W, 3) BGR.
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
        if score_thr is None and result.states is not None:
            states = result.states[i]
            sure, shown = states == VISIBLE, states != ABSENT
        else:
            sure, shown = (
                scores >= (SCORE_THR if score_thr is None else score_thr),
                np.ones(len(points), bool),
            )
        draw_points(canvas, points, schema, sure, step, shown=shown)
        if radii and result.radii is not None:
            draw_radii(canvas, points[shown], result.radii[i][shown])
    return canvas


def draw_radii(canvas: np.ndarray, points: np.ndarray, radii: np.ndarray) -> None:
    """Draw a thin circle around each keypoint.

    Args:
        canvas: (H, W, 3) BGR, changed.
        points: (K, 2) keypoints, (x, y) pixels.
        radii: (K,) pixels.
    """
    for (x, y), radius in zip(points.tolist(), radii.tolist(), strict=True):
        cv2.circle(canvas, (round(x), round(y)), max(1, round(radius)), TRUTH_COLOR, 1, cv2.LINE_AA)


def label_of(result: _Instances, i: int) -> str:
    """Format the track id, category and box score of an instance.

    Args:
        result: the instances.
        i: index of the instance.

    Returns:
        For example ``#3 cup 0.93``; empty if none is known.
    """
    words = [] if result.track_ids is None else [f"#{result.track_ids[i]}"]
    words += [] if result.categories is None else [result.categories[i]]
    return " ".join(words if result.box_scores is None else [*words, f"{result.box_scores[i]:.2f}"])


def draw_label(canvas: np.ndarray, text: str, corner: tuple[int, int], step: int) -> None:
    """Write a label above the upper left corner of a box, or below it at the edge of the image.

    OpenCV draws ASCII only; other letters become question marks.

    Args:
        canvas: (H, W, 3) BGR, changed.
        text: the label; nothing is drawn if it is empty.
        corner: (x, y) pixels.
        step: line thickness in pixels, which sets the size of the letters.
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
        points: (K, 2) keypoints, (x, y) pixels.
        schema: colours and skeleton.
        sure: (K,) boolean; the other keypoints become rings without lines.
        step: line thickness in pixels.
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
    """Choose a line thickness that suits the size of an image.

    Args:
        image: (H, W, ...).

    Returns:
        Pixels, 1 or more.
    """
    return max(1, round(max(image.shape[:2]) / _REFERENCE_SIDE))
