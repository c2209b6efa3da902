"""What the page shows: images with what was found in them, at the size of a screen."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from kpplugins.visualization.draw import draw_pose

if TYPE_CHECKING:
    from kpplugins.inference.pose_result import PoseResult

SHOWN_SIDES = (800, 1280)
"""Least and most pixels of the longer side of a shown image; on a small one, keypoints are drawn between pixels."""


def scaled_between(image: np.ndarray, least: int, most: int) -> np.ndarray:
    """Scale an image so that its longer side has no more and no fewer pixels than that.

    Args:
        image: (H, W, 3) uint8.
        least: pixels of the longer side, at least.
        most: at most.

    Returns:
        (h, w, 3) uint8; the same array where its size is between the two.
    """
    height, width = image.shape[:2]
    zoom = min(max(height, width, least), most) / max(height, width)
    if zoom == 1:
        return image
    size = max(1, round(width * zoom)), max(1, round(height * zoom))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)


def drawn_on(image: np.ndarray, result: "PoseResult", score_thr: float | None) -> np.ndarray:
    """Draw what was found on an image that is of another size than the one it was found in.

    Args:
        image: (h, w, 3) BGR.
        result: with the size of its own image.
        score_thr: see ``draw_pose``.

    Returns:
        (h, w, 3) RGB.
    """
    width, height = result.image_size or image.shape[1::-1]
    zoom = np.array([image.shape[1] / width, image.shape[0] / height])
    there = replace(
        result,
        keypoints=_moved(result.keypoints, zoom),
        boxes=_moved(result.boxes.reshape(-1, 2, 2), zoom).reshape(-1, 4),
    )
    return cv2.cvtColor(draw_pose(image, there, result.schema, score_thr), cv2.COLOR_BGR2RGB)


def _moved(points: np.ndarray, zoom: np.ndarray) -> np.ndarray:
    """Scale places in pixels whose first one is centred at 0."""
    return (points + 0.5) * zoom - 0.5


def as_jpeg(image: np.ndarray, quality: int = 85) -> bytes:
    """Encode an image for a browser.

    Args:
        image: (H, W, 3) RGB uint8.
        quality: of the JPEG, 0 to 100.

    Returns:
        The file's content.
    """
    options: Sequence[int] = (cv2.IMWRITE_JPEG_QUALITY, quality)
    _, packed = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    return packed.tobytes()
