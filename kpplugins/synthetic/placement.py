"""Where the head is in the image: one similarity transform from head units to pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MARGIN = 3.0  # px between any keypoint and the image's edge
SPAN = (0.25, 0.75)  # width of the head as a fraction of the image's shorter side
_MILD_TURN, _STRONG_TURN, _STRONG_SHARE = np.deg2rad(25), np.deg2rad(45), 0.12


@dataclass(frozen=True)
class Placement:
    """Similarity transform from head units to image pixels.

    Args:
        scale: pixels per head unit.
        angle: rotation in the image plane in radians, clockwise as seen.
        centre: (x, y) of the head's middle in pixels.
    """

    scale: float
    angle: float
    centre: tuple[float, float]

    @property
    def matrix(self) -> np.ndarray:
        """Return the transform as a (2, 3) matrix."""
        cos, sin = self.scale * np.cos(self.angle), self.scale * np.sin(self.angle)
        return np.array([[cos, -sin, self.centre[0]], [sin, cos, self.centre[1]]])

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Transform points (..., 2) from head units to pixels."""
        matrix = self.matrix
        return np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]


def sample_size(rng: np.random.Generator) -> tuple[int, int]:
    """Draw a random image size; half of the images are 500 px long, as most CAT files are.

    Args:
        rng: random generator.

    Returns:
        (width, height) in pixels.
    """
    long_side = 500 if rng.random() < 0.5 else int(rng.integers(240, 500))
    short_side = round(long_side * float(rng.choice([1.0, 0.8, 0.75, 0.75, 0.75, 2 / 3, 0.6])))
    return (long_side, short_side) if rng.random() < 0.68 else (short_side, long_side)


def sample_placement(rng: np.random.Generator, keypoints: np.ndarray, size: tuple[int, int]) -> Placement:
    """Place a head so that all its keypoints are inside the image.

    Args:
        rng: random generator.
        keypoints: (K, 2) head units.
        size: (w, h) of the image in pixels.

    Returns:
        From head units to image pixels.
    """
    if rng.random() < _STRONG_SHARE:
        angle = rng.choice([-1, 1]) * rng.uniform(_MILD_TURN, _STRONG_TURN)
    else:
        angle = rng.uniform(-_MILD_TURN, _MILD_TURN)
    turned = Placement(1.0, angle, (0.0, 0.0)).apply(keypoints)
    low, high = turned.min(0), turned.max(0)
    room = np.array(size) - 1 - 2 * MARGIN
    scale = min(rng.uniform(*SPAN) * min(size) / 2, float((room / (high - low)).min()))
    first, last = MARGIN - scale * low, MARGIN + room - scale * high  # centres that keep the keypoints inside
    where = rng.beta(2.0, 2.0, size=2)  # more often near the middle of that range
    centre = first + where * np.maximum(last - first, 0)
    return Placement(float(scale), float(angle), (float(centre[0]), float(centre[1])))
