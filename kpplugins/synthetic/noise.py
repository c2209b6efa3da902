"""Smooth random fields and random colours."""

from __future__ import annotations

import cv2
import numpy as np

Colour = tuple[float, float, float]
"""BGR, 0-255."""


def smooth_noise(rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """Return a smooth random field.

    Args:
        rng: random generator.
        size: (w, h) in pixels.
        cells: number of bumps (across, down).

    Returns:
        (h, w) float32, about -2 to 2.
    """
    coarse = rng.standard_normal((max(cells[1], 2), max(cells[0], 2)), dtype=np.float32)
    return cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)


def random_colour(rng: np.random.Generator, vivid: float = 0.6) -> Colour:
    """Draw a random colour.

    Args:
        rng: random generator.
        vivid: 0 for greys, up to 1 for any colour.

    Returns:
        BGR, 0-255.
    """
    grey, any_colour = rng.uniform(20, 235), rng.uniform(10, 245, size=3)
    return tint(grey + vivid * rng.random() * (any_colour - grey))


def jitter(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    """Change a colour's brightness and, less, its hue.

    Args:
        rng: random generator.
        colour: BGR, 0-255.
        spread: standard deviation of the brightness, in levels.

    Returns:
        BGR, 0-255.
    """
    return tint(np.array(colour) + rng.normal(0, spread) + rng.normal(0, spread * 0.3, size=3))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Interpolate between two colours.

    Args:
        first: BGR, 0-255.
        second: BGR, 0-255.
        share: weight of the second, 0-1.

    Returns:
        BGR, 0-255.
    """
    return tint(np.array(first) + share * (np.array(second) - np.array(first)))


def tint(values: np.ndarray) -> Colour:
    """Clip three numbers to a colour.

    Args:
        values: (3,) BGR.

    Returns:
        BGR, 0-255.
    """
    blue, green, red = (min(max(float(value), 0.0), 255.0) for value in values)
    return blue, green, red
