"""One cat, drawn from back to front."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .face import Face, draw_eyes, draw_muzzle, draw_nose_and_mouth, draw_whiskers
from .fur import BLACK, Coat, body_texture, draw_hairs, ear_lining, head_texture, texture_matrix
from .geometry import LEFT, RIGHT, Head, ellipse
from .noise import mix
from .placement import Placement

_FACE_DEPTH = 0.8  # z at which the fur's markings are
_HAIRS_EDGE, _HAIRS_FACE, _HAIRS_BODY = 170, 200, 120


def draw_cat(
    canvas: Canvas, rng: np.random.Generator, head: Head, place: Placement, coat: Coat, face: Face
) -> None:
    """Draw body, ears, head and face.

    Args:
        canvas: drawn on.
        rng: random generator.
        head: shape and keypoints in head units.
        place: from head units to image pixels.
        coat: colours and pattern of the fur.
        face: eyes, nose, mouth and whiskers.
    """
    draw_body(canvas, rng, place, coat)
    fur = head_texture(rng, coat, head.project(np.array([0.0, 0.0, _FACE_DEPTH])))
    matrix = texture_matrix(np.array(place.centre), place.angle, place.scale)
    lining = ear_lining(rng, coat)
    for side in (LEFT, RIGHT):
        _draw_ear(canvas, rng, head, place, coat, side, (fur, matrix, lining))
    outline = place.apply(head.contour)
    canvas.blend(outline, mix(coat.mark, BLACK, 0.5), 0.35, 0.05 * place.scale)  # sets the head off
    canvas.paste(outline, fur, matrix)
    _draw_head_hairs(canvas, rng, head, place, coat)
    draw_muzzle(canvas, head, place, coat)
    draw_eyes(canvas, head, place, face)
    draw_nose_and_mouth(canvas, head, place, face)
    draw_whiskers(canvas, rng, head, place, face)


def draw_body(canvas: Canvas, rng: np.random.Generator, place: Placement, coat: Coat) -> None:
    """Draw a body that hangs below the head in the image, however the head is turned.

    Args:
        canvas: drawn on.
        rng: random generator.
        place: from head units to image pixels.
        coat: colours and pattern of the fur.
    """
    scale, middle = place.scale, np.array(place.centre)
    lean = rng.uniform(-0.7, 0.7)
    texture = body_texture(rng, coat)
    matrix = texture_matrix(middle + (lean * scale, 1.8 * scale), lean * -0.4, 1.3 * scale)
    if rng.random() < 0.5:  # lying, with the rest of the body to one side
        side = rng.choice([-1, 1])
        rump = ellipse(
            middle + np.array([side * rng.uniform(1.4, 2.2), rng.uniform(0.9, 1.5)]) * scale,
            (rng.uniform(1.2, 1.9) * scale, rng.uniform(0.8, 1.1) * scale),
            side * rng.uniform(-0.2, 0.5),
        )
        canvas.paste(rump, texture, matrix)
    chest = ellipse(
        middle + np.array([lean, rng.uniform(1.5, 1.9)]) * scale,
        (rng.uniform(0.95, 1.35) * scale, rng.uniform(1.3, 2.0) * scale),
        -0.4 * lean,
    )
    canvas.blend(chest, mix(coat.mark, BLACK, 0.5), 0.3, 0.06 * scale)
    canvas.paste(chest, texture, matrix)
    roots = _inside(rng, (chest - middle) / scale, _HAIRS_BODY, 0.95)
    draw_hairs(canvas, rng, roots, np.zeros(2), Placement(scale, 0.0, place.centre), coat)


def _draw_ear(
    canvas: Canvas,
    rng: np.random.Generator,
    head: Head,
    place: Placement,
    coat: Coat,
    side: int,
    looks: tuple[np.ndarray, np.ndarray, tuple[float, float, float]],
) -> None:
    """Draw one ear: fur, the hollow in it, and hairs across the hollow."""
    fur, matrix, lining = looks
    outline = head.ear_outline(side)
    canvas.blend(place.apply(outline), mix(coat.mark, BLACK, 0.5), 0.25, 0.03 * place.scale)
    canvas.paste(place.apply(outline), fur, matrix)
    hollow = head.ear_outline(side, rng.uniform(0.25, 0.4))
    canvas.blend(place.apply(hollow), lining, rng.uniform(0.6, 0.95), 0.025 * place.scale)
    draw_hairs(canvas, rng, _inside(rng, hollow, 16, 0.4), np.zeros(2), place, coat)


def _draw_head_hairs(
    canvas: Canvas, rng: np.random.Generator, head: Head, place: Placement, coat: Coat
) -> None:
    """Draw hairs over the edge of the head and on it, flowing away from the nose."""
    nose = head.on_muzzle(np.array([0.0, head.shape.nose_y]))
    edge = head.contour[rng.integers(len(head.contour), size=_HAIRS_EDGE)]
    edge = edge * rng.uniform(0.9, 0.99, (_HAIRS_EDGE, 1))
    roots = np.concatenate([_inside(rng, head.contour, _HAIRS_FACE, 0.9), edge])
    draw_hairs(canvas, rng, roots, nose, place, coat)


def _inside(rng: np.random.Generator, polygon: np.ndarray, count: int, reach: float) -> np.ndarray:
    """Draw random points (count, 2) between a polygon's middle and, at ``reach`` 1, its edge."""
    middle = polygon.mean(0)
    corner = polygon[rng.integers(len(polygon), size=count)]
    return middle + (corner - middle) * reach * np.sqrt(rng.random((count, 1)))
