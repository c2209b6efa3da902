"""Eyes, nose, mouth and whiskers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .canvas import Canvas
from .fur import BLACK, WHITE, Coat
from .geometry import LEFT, RIGHT, Head, ellipse
from .noise import Colour, jitter, mix
from .placement import Placement

IRISES: tuple[Colour, ...] = (
    (60, 170, 190),  # yellow
    (40, 130, 200),  # amber
    (80, 170, 130),  # green
    (200, 170, 110),  # blue
    (50, 100, 130),  # hazel
)
NOSES: tuple[Colour, ...] = ((150, 150, 215), (105, 110, 170), (45, 45, 55), (60, 75, 110))
_NOSE = np.array([[0.6, -0.6], [1, -0.35], [0.75, 0], [0.15, 0.65]])  # its right half, in half widths
PUPIL: Colour = (12, 10, 10)


@dataclass(frozen=True)
class Face:
    """Colours and details of one face.

    Args:
        irises: colour of the left and of the right eye.
        pupil: (width, height) as shares of a wide-open eye's.
        rim: how much larger the dark rim of the eyes is than the eye.
        glint: whether light is reflected in the eyes.
        nose: colour of the nose.
        lining: how dark the lines of the mouth are, 0-1.
        meow: 0 closed, up to 1 wide open.
        whiskers: number on each side.
        whisker_colour: of all whiskers.
    """

    irises: tuple[Colour, Colour]
    pupil: tuple[float, float] = (0.4, 0.85)
    rim: float = 1.2
    glint: bool = True
    nose: Colour = NOSES[0]
    lining: float = 0.8
    meow: float = 0.0
    whiskers: int = 4
    whisker_colour: Colour = WHITE


def sample_face(rng: np.random.Generator) -> Face:
    """Draw a random face; one cat in twenty has eyes of two colours.

    Args:
        rng: random generator.

    Returns:
        The face.
    """
    first = jitter(rng, IRISES[rng.integers(len(IRISES))], 12)
    second = jitter(rng, IRISES[rng.integers(len(IRISES))], 12) if rng.random() < 0.05 else first
    return Face(
        irises=(first, second),
        pupil=(rng.uniform(0.18, 0.75), rng.uniform(0.8, 0.98)),
        rim=rng.uniform(1.1, 1.3),
        glint=rng.random() < 0.8,
        nose=jitter(rng, NOSES[rng.integers(len(NOSES))], 10),
        lining=rng.uniform(0.5, 1.0),
        meow=rng.uniform(0.3, 1.0) if rng.random() < 0.1 else 0.0,
        whiskers=int(rng.integers(2, 6)),
        whisker_colour=jitter(rng, WHITE if rng.random() < 0.8 else BLACK, 10),
    )


def draw_eyes(canvas: Canvas, head: Head, place: Placement, face: Face) -> None:
    """Draw both eyes; the middle of each pupil is the keypoint.

    Args:
        canvas: drawn on.
        head: shape and keypoints in head units.
        place: from head units to image pixels.
        face: colours and details.
    """
    for side, iris in zip((LEFT, RIGHT), face.irises, strict=True):
        opening = place.apply(head.eye_outline(side))
        canvas.fill(place.apply(head.eye_outline(side, face.rim)), BLACK)
        canvas.fill(opening, mix(iris, BLACK, 0.25))
        inside = _above_lid(head, side, head.pupil(side, 0.75, 0.75))
        canvas.fill(place.apply(inside), mix(iris, WHITE, 0.12))
        canvas.fill(place.apply(_above_lid(head, side, head.pupil(side, *face.pupil))), PUPIL)
        if face.glint:
            width, height = head.shape.eye_size
            spot = head.eye(side) + np.array([-0.25 * width, -0.35 * height * head.shape.eye_open])
            canvas.fill(place.apply(ellipse(spot, (0.14 * width, 0.14 * height), points=10)), WHITE)


def draw_muzzle(canvas: Canvas, head: Head, place: Placement, coat: Coat) -> None:
    """Draw the light whisker pads and the chin.

    Args:
        canvas: drawn on.
        head: shape and keypoints in head units.
        place: from head units to image pixels.
        coat: gives colour and opacity.
    """
    shape, soft = head.shape, 0.06 * place.scale
    opacity = 0.25 + 0.7 * coat.bib
    chin = head.on_muzzle(ellipse(np.array([0.0, shape.mouth_y + 0.12]), (0.2, 0.17)))
    canvas.blend(place.apply(chin), coat.light, opacity, soft)
    for side in (LEFT, RIGHT):
        middle = np.array([side * shape.muzzle * 0.62, shape.mouth_y - 0.04])
        pad = head.on_muzzle(ellipse(middle, (shape.muzzle, shape.muzzle * 0.8)))
        canvas.blend(place.apply(pad), coat.light, opacity, soft)


def draw_nose_and_mouth(canvas: Canvas, head: Head, place: Placement, face: Face) -> None:
    """Draw nose, philtrum and the two lines of the mouth, which meet at the keypoint.

    Args:
        canvas: drawn on.
        head: shape and keypoints in head units.
        place: from head units to image pixels.
        face: colours and details.
    """
    shape, dark = head.shape, mix((90, 90, 110), BLACK, face.lining)
    width, drop = shape.nose_width, 0.3 * (shape.mouth_y - shape.nose_y)
    meet = np.array([0.0, shape.mouth_y])
    pen = 0.035 * place.scale
    if face.meow:
        hole = ellipse(meet + (0, 0.13 * face.meow), (0.13, 0.13 * face.meow))
        canvas.fill(place.apply(head.on_muzzle(hole)), (50, 40, 95))
    bend = np.linspace(0, 1, 8)
    for side in (LEFT, RIGHT):
        lip = np.stack([side * 0.24 * bend, 0.075 * np.sin(np.pi * bend * 0.9)], -1)
        canvas.line(place.apply(head.on_muzzle(meet + lip)), dark, pen)
    top = np.array([0.0, shape.nose_y])
    canvas.line(place.apply(head.on_muzzle(np.stack([top, meet]))), dark, pen)
    nose = top + np.concatenate([_NOSE, _NOSE[::-1] * (-1, 1)]) * width + (0, drop * 0.2)
    canvas.fill(place.apply(head.on_muzzle(nose)), face.nose)
    for side in (LEFT, RIGHT):
        nostril = ellipse(top + (side * 0.45 * width, drop * 0.3), (0.2 * width, 0.13 * width), points=10)
        canvas.fill(place.apply(head.on_muzzle(nostril)), mix(face.nose, BLACK, 0.7))


def draw_whiskers(canvas: Canvas, rng: np.random.Generator, head: Head, place: Placement, face: Face) -> None:
    """Draw the whiskers of both pads, and a few above the eyes.

    Args:
        canvas: drawn on.
        rng: random generator.
        head: shape and keypoints in head units.
        place: from head units to image pixels.
        face: number and colour of the whiskers.
    """
    shape, t = head.shape, np.linspace(0, 1, 8)[:, None]
    for side in (LEFT, RIGHT):
        for _ in range(face.whiskers):
            out, up = shape.muzzle * rng.uniform(0.5, 1.0), rng.uniform(-0.05, 0.12)
            root = head.on_muzzle(np.array([side * out, shape.mouth_y - up]))
            rise, length = rng.uniform(-0.45, 0.35), rng.uniform(0.6, 1.3)
            reach = length * np.array([side * np.cos(rise), np.sin(rise)])
            sag = np.array([0.0, rng.uniform(-0.1, 0.35)])
            canvas.line(place.apply(root + t * reach + t**2 * sag), face.whisker_colour, 0.012 * place.scale)
        if rng.random() < 0.5:
            root = head.eye(side) - (0, 0.2)
            reach = np.array([side * rng.uniform(0.1, 0.4), -rng.uniform(0.3, 0.6)])
            canvas.line(place.apply(root + t * reach), face.whisker_colour, 0.01 * place.scale)


def _above_lid(head: Head, side: int, outline: np.ndarray) -> np.ndarray:
    """Clip an outline in the eye to the part that the upper lid does not cover."""
    ceiling = head.eye(side)[1] - head.shape.eye_size[1] * head.shape.eye_open * 0.97
    return np.stack([outline[:, 0], np.maximum(outline[:, 1], ceiling)], -1)
