"""From which number the coordinates of a file count: what its faces say about it.

Faces are the same on both sides on average, so the mean of many faces, each moved by its own labels to the same place,
is symmetrical about the middle of the labels; if the file counts from another number, it is beside it.
"""

import logging
from collections.abc import Sequence

import cv2
import numpy as np

from kpplugins.data import PoseRecord
from kpplugins.formats.kaggle_faces.table import FIRST_CENTRE

logger = logging.getLogger(__name__)
CONVENTIONS = (0.0, 0.5, 1.0)
"""Numbers of the first pixel's centre in use: arrays; Kaggle and others that count from the image's corner; MATLAB."""
_FEWEST, _MOST = 200, 2000
"""Faces that are needed, and that are looked at."""
_EYES, _REACH, _UPRIGHT = 40.0, 40, 0.15
"""Distance of the eyes in the mean face and half its width in pixels; largest slope of the line between the eyes."""
_FAR, _STEP = 4.0, 0.25
"""How far from the middle the axis is looked for, in pixels of the mean face, and in which steps."""


def first_centre_of(images: Sequence[np.ndarray], records: Sequence[PoseRecord]) -> float:
    """Tell which of the ``CONVENTIONS`` the labels follow.

    Args:
        images: (96, 96) uint8 grey faces.
        records: of the same rows, read as if the first pixel's centre were ``FIRST_CENTRE``; eyes are the first two
            keypoints, left and right.

    Returns:
        The convention nearest to the axis of symmetry; ``FIRST_CENTRE`` if there are too few upright faces, or if every
        second face says something else than the others.
    """
    faces: list[np.ndarray] = []
    pixels: list[float] = []
    for image, record in zip(images, records, strict=True):
        left, right, seen = *record.keypoints[:2, :2], record.keypoints[:2, 2] > 0
        across = abs(left[0] - right[0])
        if seen.all() and across > 8 and abs(left[1] - right[1]) < _UPRIGHT * across and len(faces) < _MOST:
            faces.append(_moved(image, (left + right) / 2, _EYES / across))
            pixels.append(across / _EYES)
    if len(faces) < _FEWEST:
        return FIRST_CENTRE
    stack = np.stack(faces)
    axes = [FIRST_CENTRE - _axis(stack[start::2].mean(axis=0)) * float(np.mean(pixels)) for start in (0, 1)]
    chosen = {min(CONVENTIONS, key=lambda known: abs(known - axis)) for axis in axes}
    answer = chosen.pop() if len(chosen) == 1 else FIRST_CENTRE
    logger.info(
        "the labels count from %g at the first pixel's centre: the mean of %d faces is symmetrical if it is %.2f (%.2f "
        "in one half of them, %.2f in the other); Kaggle's is %g",
        answer, len(faces), np.mean(axes), *axes, FIRST_CENTRE,
    )  # fmt: skip
    return answer


def _moved(image: np.ndarray, middle: np.ndarray, scale: float) -> np.ndarray:
    """Return a face with ``middle`` in its middle column, its grey values of mean 0 and deviation 1."""
    at = _REACH + _FAR + 1
    matrix = np.array([[scale, 0, at - scale * middle[0]], [0, scale, at - scale * middle[1]]])
    side = int(2 * at) + 1
    face = cv2.warpAffine(image.astype(np.float32), matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return (face - face.mean()) / (face.std() + 1e-3)


def _axis(face: np.ndarray) -> float:
    """Return how far right of its middle column a face is symmetrical, to a fraction of a step."""
    columns = np.arange(face.shape[1], dtype=np.float64)
    around = np.arange(-_REACH, _REACH + 1) + (face.shape[1] - 1) / 2
    shifts = np.arange(-_FAR, _FAR + _STEP, _STEP)
    differences = []
    for shift in shifts:
        rows = np.stack([np.interp(around + shift, columns, row) for row in face])
        differences.append(float(np.square(rows - rows[:, ::-1]).mean()))
    best = int(np.argmin(differences))
    if not 0 < best < len(shifts) - 1:
        return float(shifts[best])
    before, here, after = differences[best - 1 : best + 2]
    return float(shifts[best] + _STEP * 0.5 * (before - after) / (before - 2 * here + after))
