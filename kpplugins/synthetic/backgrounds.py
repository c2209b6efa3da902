"""What is behind the cat: surfaces, textures and other things. Images are (h, w, 3) BGR uint8."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from .noise import Colour, jitter, mix, random_colour, smooth_noise

_MAX_THINGS = 6


def draw_background(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Draw a background with up to six distractors, sometimes out of focus.

    Args:
        rng: random generator.
        size: (w, h) in pixels.

    Returns:
        (h, w, 3) BGR uint8.
    """
    kind = str(rng.choice(list(BACKGROUNDS)))
    image = BACKGROUNDS[kind](rng, size)
    for _ in range(rng.integers(_MAX_THINGS + 1)):
        _draw_thing(rng, image)
    if rng.random() < 0.4:
        box = int(rng.integers(1, 5)) * 2 + 1
        image = cv2.blur(image, (box, box))
    return image


def _textured(colour: Colour, gain: np.ndarray) -> np.ndarray:
    """Multiply a colour by a gain (h, w)."""
    return cv2.merge([np.clip(gain * np.float32(level), 0, 255).astype(np.uint8) for level in colour])


def _gradient(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    first = random_colour(rng)
    corners = np.array([jitter(rng, first, 40) for _ in range(4)], np.float32).reshape(2, 2, 3)
    return np.clip(cv2.resize(corners, size, interpolation=cv2.INTER_LINEAR), 0, 255).astype(np.uint8)


def _cloth(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Draw cloth with folds."""
    width, height = size
    way = rng.uniform(0, np.pi)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    phase = (x * np.float32(np.cos(way)) + y * np.float32(np.sin(way))) * np.float32(rng.uniform(0.02, 0.09))
    phase = phase + 2 * smooth_noise(rng, size, (5, 5))
    return _textured(random_colour(rng), 0.85 + np.float32(rng.uniform(0.05, 0.25)) * np.sin(phase))


def _wood(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Draw boards with a grain, horizontal or vertical."""
    width, height = size if rng.random() < 0.6 else size[::-1]
    gain = 0.9 + 0.1 * smooth_noise(rng, (width, height), (6, height // 3))
    gain += 0.05 * smooth_noise(rng, (width, height), (3, height // 8))
    board = int(rng.integers(25, 90))
    for top in range(int(rng.integers(board)), height, board):
        gain[top : top + 2] *= 0.5
        gain[top : top + board] *= rng.uniform(0.85, 1.1)
    colour = jitter(rng, ((70, 110, 160), (40, 65, 100), (120, 160, 195))[rng.integers(3)], 15)
    return _textured(colour, gain if (width, height) == size else np.ascontiguousarray(gain.T))


def _grass(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    width, height = size
    green = jitter(rng, (50, 120, 90), 20)
    image = _textured(green, 0.8 + 0.2 * smooth_noise(rng, size, (width // 10, height // 10)))
    roots = rng.uniform(0, 1, (260, 2)) * size
    tips = roots + np.stack([rng.normal(0, 8, 260), -rng.uniform(8, 35, 260)], -1)
    shades = np.array(green) * rng.uniform(0.5, 1.5, (260, 1))
    for root, tip, shade in zip(roots.astype(int), tips.astype(int), shades.tolist(), strict=True):
        cv2.line(image, root.tolist(), tip.tolist(), shade, int(width > 300) + 1)
    return image


def _carpet(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Draw fine grain in two colours: carpet, gravel, plaster."""
    grain = int(rng.integers(2, 6))
    share = np.clip(0.5 + 0.3 * smooth_noise(rng, size, (size[0] // grain, size[1] // grain)), 0, 1)
    first = random_colour(rng)
    second = jitter(rng, first, 35)
    pairs = zip(first, second, strict=True)
    return cv2.merge([(a + share * np.float32(b - a)).astype(np.uint8) for a, b in pairs])


def _lights(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Draw round lights out of focus."""
    image = _gradient(rng, size)
    for _ in range(rng.integers(10, 30)):
        centre = (rng.random(2) * size).astype(int).tolist()
        cv2.circle(image, centre, int(rng.integers(5, 45)), random_colour(rng), -1)
    return cv2.blur(image, (13, 13))


def _room(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Draw wall, floor, and things with straight edges."""
    image = _gradient(rng, size)
    floor = int(size[1] * rng.uniform(0.4, 0.9))
    ground = (_wood, _carpet, _tiles, _cloth)[rng.integers(4)](rng, size)
    image[floor:] = ground[floor:]
    for _ in range(rng.integers(1, 5)):
        corner, extent = rng.random(2) * size, rng.uniform(0.1, 0.5, 2) * size
        first, last = corner.astype(int).tolist(), (corner + extent).astype(int).tolist()
        colour = random_colour(rng, 0.4)
        cv2.rectangle(image, first, last, colour, -1)
        cv2.rectangle(image, first, last, mix(colour, (0, 0, 0), 0.4), int(rng.integers(1, 6)))
    return image


def _tiles(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Draw checks or stripes."""
    width, height = size
    step = int(rng.integers(8, 70))
    columns, rows = np.arange(width) // step % 2, np.arange(height)[:, None] // step % 2
    odd = (columns ^ rows) if rng.random() < 0.6 else np.broadcast_to(columns, (height, width))
    first = random_colour(rng)
    table = np.array([first, jitter(rng, first, 40)], np.uint8)
    return table[odd]


def _mottle(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Draw large soft patches in fur-like colours: blankets, leaves, other animals."""
    colour = jitter(rng, (80, 110, 140), 40)
    gain = 0.9 + 0.2 * smooth_noise(rng, size, (8, 8))
    gain += 0.1 * smooth_noise(rng, size, (size[0] // 4, size[1] // 9))
    return _textured(colour, gain)


def _draw_thing(rng: np.random.Generator, image: np.ndarray) -> None:
    """Draw one thing other than a cat, perhaps with peaks like ears or dots like eyes."""
    height, width = image.shape[:2]
    x, y = int(rng.integers(width)), int(rng.integers(height))
    r = int(rng.uniform(0.04, 0.18) * min(width, height)) + 2
    colour, other = random_colour(rng), random_colour(rng)
    kind = rng.integers(6)
    if kind == 0:  # ball
        cv2.circle(image, (x, y), r, colour, -1, cv2.LINE_AA)
        shine = mix(colour, (255, 255, 255), 0.4)
        cv2.circle(image, (x - r // 3, y - r // 3), r // 3, shine, -1, cv2.LINE_AA)
    elif kind == 1:  # cup
        cv2.rectangle(image, (x - r, y - r), (x + r, y + r), colour, -1)
        cv2.ellipse(image, (x, y - r), (r, r // 3 + 1), 0, 0, 360, other, -1, cv2.LINE_AA)
    elif kind == 2:  # peaks
        peaks = [[x - 2 * r, y], [x - r, y - 2 * r], [x, y], [x + r, y - 2 * r], [x + 2 * r, y]]
        cv2.fillPoly(image, [np.array(peaks, np.int32)], colour, cv2.LINE_AA)
    elif kind == 3:  # two buttons
        for side in (-1, 1):
            cv2.circle(image, (x + side * r, y), r // 2 + 1, colour, -1, cv2.LINE_AA)
            cv2.circle(image, (x + side * r, y), r // 4 + 1, (15, 15, 15), -1, cv2.LINE_AA)
    elif kind == 4:  # cable
        points = np.cumsum(rng.normal(0, 1.5 * r, (5, 2)), 0) + (x, y)
        cv2.polylines(image, [points.astype(np.int32)], False, colour, int(rng.integers(1, 6)), cv2.LINE_AA)
    else:  # leaf or toy
        corners = np.array([x, y]) + rng.normal(0, r, (int(rng.integers(3, 7)), 2))
        cv2.fillPoly(image, [corners.astype(np.int32)], colour, cv2.LINE_AA)


BACKGROUNDS: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "gradient": _gradient,
    "cloth": _cloth,
    "wood": _wood,
    "grass": _grass,
    "carpet": _carpet,
    "lights": _lights,
    "room": _room,
    "tiles": _tiles,
    "mottle": _mottle,
}
