"""What is written on the image: the rate, the latency, and what the keys do."""

from collections.abc import Sequence

import cv2
import numpy as np

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_REFERENCE_SIDE = 640
"""Longer side in pixels of an image whose text has the size 0.5."""
_TEXT, _ALERT = (255, 255, 255), (80, 80, 255)


def write_lines(image: np.ndarray, lines: Sequence[str], alert: str = "") -> None:
    """Write lines in the upper left corner, on a darker ground so that they can be read on any image.

    OpenCV draws ASCII only; other letters become question marks.

    Args:
        image: (H, W, 3) BGR, changed.
        lines: the text.
        alert: a last line in red, such as ``REC``; empty for none.
    """
    texts = [(line, _TEXT) for line in lines] + ([(alert, _ALERT)] if alert else [])
    size = 0.5 * max(image.shape[:2]) / _REFERENCE_SIDE
    thick = max(1, round(2 * size))
    shown = [(text.encode("ascii", "replace").decode(), color) for text, color in texts]
    boxes = [cv2.getTextSize(text, _FONT, size, thick)[0] for text, _ in shown]
    step = max((height for _, height in boxes), default=0)
    gap = max(2, step // 2)
    ground = image[
        : gap + (step + gap) * len(shown), : max((width for width, _ in boxes), default=0) + 2 * gap
    ]
    ground //= 3
    for i, (text, color) in enumerate(shown):
        cv2.putText(image, text, (gap, (step + gap) * (i + 1)), _FONT, size, color, thick, cv2.LINE_AA)
