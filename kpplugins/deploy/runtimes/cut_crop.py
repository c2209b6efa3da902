"""Cut a crop by OpenCV, for exported files that do not do it themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np


def cut_crop(
    image: np.ndarray, box: np.ndarray, crop: Mapping[str, Any], size: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut the crop of a box, as the model's test pipeline does.

    Args:
        image: (H, W, 3) BGR uint8.
        box: (4,) xyxy in pixels.
        crop: how, from ``model.json``.
        size: (w, h) of the crop.

    Returns:
        The crop (h, w, 3) uint8; origin (2,) and scale (2,) of the way back: a place is at ``place · scale + origin``.
    """
    sides, span, corners = np.array(size), np.float32(crop["span"]), np.float32(box).reshape(2, 2)
    if crop["kind"] == "affine":
        scale = (corners[1] - corners[0]) * np.float32(crop["padding"])
        scale = np.maximum(scale, scale[::-1] * sides / sides[::-1]).astype(np.float32)
        origin = corners.mean(axis=0) - scale / 2
        matrix = np.column_stack([np.diag(span / scale), -origin * (span / scale)])
        return cv2.warpAffine(image, matrix, sides.tolist()), origin, scale
    canvas, whole = np.array(crop["canvas_size"]), np.array(image.shape[1::-1])
    shown = (whole * (canvas / whole).min() + 1e-6).astype(int).clip(1) if crop["keep_aspect"] else canvas
    bar = (canvas - shown) // 2
    (left, top), (right, bottom) = bar.tolist(), (canvas - shown - bar).tolist()
    drawn = cv2.copyMakeBorder(
        cv2.resize(image, shown.tolist()), top, bottom, left, right, cv2.BORDER_CONSTANT
    )
    places = np.floor((corners.astype(float) + 0.5) * shown / whole + bar + 0.001).astype(int)
    low = places[0].clip(0, canvas - 1)
    high = (places[1] + 1).clip(low + 1, canvas)
    part = cv2.resize(drawn[low[1] : high[1], low[0] : high[0]], sides.tolist())
    zoom = shown / whole * sides / (high - low)
    return part, (low - bar) * whole / shown + 0.5 / zoom - 0.5, span / zoom
