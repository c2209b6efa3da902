"""Small things in front of the head."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .geometry import ellipse
from .noise import mix, random_colour
from .placement import Placement

SHARE = 0.11  # of all images
_SIZE = (0.13, 0.3)  # radius in head units


def draw_occluder(canvas: Canvas, rng: np.random.Generator, keypoints: np.ndarray, place: Placement) -> None:
    """Draw one occluder, half of the time over a keypoint.

    Args:
        canvas: drawn on.
        rng: random generator.
        keypoints: (K, 2) head units.
        place: from head units to image pixels.
    """
    if rng.random() < 0.5:
        where = keypoints[rng.integers(len(keypoints))] + rng.normal(0, 0.08, size=2)
    else:
        where = rng.uniform(-1, 1, size=2)
    radius, angle, colour = rng.uniform(*_SIZE), rng.uniform(0, np.pi), random_colour(rng)
    kind = rng.integers(3)
    if kind == 0:  # ball
        outline = ellipse(where, (radius, radius * rng.uniform(0.7, 1.0)), angle)
    elif kind == 1:  # box
        outline = ellipse(where, (radius, radius * rng.uniform(0.7, 1.2)), angle, points=4)
    else:  # stick or string
        outline = ellipse(where, (radius * 3, radius * rng.uniform(0.15, 0.35)), angle, points=4)
    canvas.fill(place.apply(outline), colour)
    core = outline.mean(0) + (outline - outline.mean(0)) * 0.6
    canvas.blend(place.apply(core), mix(colour, random_colour(rng), 0.4), 0.7, 0.04 * place.scale)
