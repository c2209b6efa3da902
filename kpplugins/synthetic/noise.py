"""Smooth random fields and random colours."""

from __future__ import annotations

import cv2
import numpy as np

Colour = tuple[float, float, float]
"""BGR, 0-255."""


def smooth_noise(rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """Return a float32 field (h, w) of about -2..2 with ``cells`` (across, down) bumps; size is (w, h)."""
    coarse = rng.standard_normal((max(cells[1], 2), max(cells[0], 2)), dtype=np.float32)
    return cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)


def random_colour(rng: np.random.Generator, vivid: float = 0.6) -> Colour:
    """Draw a colour; ``vivid`` 0 gives greys, 1 anything."""
    grey, any_colour = rng.uniform(20, 235), rng.uniform(10, 245, size=3)
    return tint(grey + vivid * rng.random() * (any_colour - grey))


def jitter(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    """Move a colour's brightness and, less, its hue by about ``spread`` levels."""
    return tint(np.array(colour) + rng.normal(0, spread) + rng.normal(0, spread * 0.3, size=3))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour ``share`` of the way from the first to the second."""
    return tint(np.array(first) + share * (np.array(second) - np.array(first)))


def tint(values: np.ndarray) -> Colour:
    """Turn three numbers into a colour, cut to 0-255."""
    blue, green, red = (min(max(float(value), 0.0), 255.0) for value in values)
    return blue, green, red
