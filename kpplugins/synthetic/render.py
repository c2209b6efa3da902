"""One image of one cat."""

from __future__ import annotations

import numpy as np

from . import occluders
from .backgrounds import draw_background
from .camera import photograph
from .canvas import Canvas
from .cat import draw_cat
from .face import sample_face
from .fur import sample_coat
from .geometry import Head, sample_shape
from .placement import sample_placement, sample_size


def render_cat(rng: np.random.Generator, *, degrade: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Draw one cat.

    Args:
        rng: source of all randomness; the same state gives the same image.
        degrade: whether something may hide a part of the head, and the camera adds light, blur, noise and JPEG
            artefacts. The cat and the background are the same either way.

    Returns:
        The image (H, W, 3), BGR uint8, and the keypoints (9, 2) in the order of
        ``geometry.KEYPOINT_NAMES``: (x, y) in pixels, pixel centres at integer coordinates, all inside.
    """
    size = sample_size(rng)
    head = Head(sample_shape(rng))
    place = sample_placement(rng, head.keypoints, size)
    coat, face = sample_coat(rng), sample_face(rng)
    canvas = Canvas(draw_background(rng, size))
    draw_cat(canvas, rng, head, place, coat, face)
    if degrade and rng.random() < occluders.SHARE:
        occluders.draw_occluder(canvas, rng, head.keypoints, place)
    image = canvas.finish()
    if degrade:
        image = photograph(rng, image, place.scale)
    return image, place.apply(head.keypoints)
