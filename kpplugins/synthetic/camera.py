"""From a clean drawing to something like a snapshot. Nothing here moves a keypoint."""

from __future__ import annotations

import cv2
import numpy as np

_GRID = 24  # cells of the coarse light map, per axis
_DARKEST = 0.55  # of that map, so that no cat is lost in the dark


def photograph(rng: np.random.Generator, image: np.ndarray, sharpness: float) -> np.ndarray:
    """Degrade an image by light, blur, noise and compression.

    Args:
        rng: random generator.
        image: (h, w, 3) BGR uint8, the clean drawing; it is not changed.
        sharpness: pixels per head unit; blur stays a small fraction of it.

    Returns:
        (h, w, 3) BGR uint8.
    """
    image = _blur(rng, image, sharpness)
    image = _noise(rng, _light(rng, image))
    image = cv2.LUT(image, _tone_table(rng))
    if rng.random() < 0.5:
        packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 85))])[1]
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))
    return image


def _light(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Add light from one side, darker corners, and sometimes a shadow or a patch of sun; float32."""
    height, width = image.shape[:2]
    y, x = np.meshgrid(*[np.linspace(-1, 1, _GRID, dtype=np.float32)] * 2, indexing="ij")
    way = rng.uniform(0, 2 * np.pi)
    gain = 1 + rng.uniform(0, 0.3) * (np.cos(way) * x + np.sin(way) * y)
    gain -= rng.uniform(0, 0.25) * (x**2 + y**2) / 2
    if rng.random() < 0.3:
        spot = (x - rng.uniform(-1, 1)) ** 2 + (y - rng.uniform(-1, 1)) ** 2
        gain += rng.uniform(-0.4, 0.5) * np.exp(-spot / rng.uniform(0.1, 0.8))
    gain = np.maximum(gain, _DARKEST)
    gain = cv2.resize(gain.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    lit = image.astype(np.float32)
    lit *= cv2.merge([gain] * 3)
    return lit


def _tone_table(rng: np.random.Generator) -> np.ndarray:
    """Return brightness, contrast, gamma and colour cast as a table (1, 256, 3) for cv2.LUT."""
    level = np.linspace(0, 1, 256)[:, None] ** rng.uniform(0.7, 1.25)
    level = 0.5 + (level - 0.5) * rng.uniform(0.65, 1.2) + rng.uniform(-0.05, 0.1)
    cast = rng.normal(1, 0.06, 3)
    return np.clip(level * cast * 255, 0, 255).astype(np.uint8)[None]


def _blur(rng: np.random.Generator, image: np.ndarray, sharpness: float) -> np.ndarray:
    """Blur: a third of the images is slightly out of focus, one in twelve has motion blur."""
    chance = rng.random()
    if chance < 0.33:
        return cv2.GaussianBlur(image, (0, 0), min(rng.uniform(0.4, 1.4), 0.03 * sharpness + 0.2))
    if chance < 0.41:
        length = int(np.clip(rng.uniform(0.03, 0.09) * sharpness, 2, 8))
        half, way = length / 2, rng.uniform(0, np.pi)
        side = 2 * (length // 2) + 3  # odd, so that the middle of the kernel is a pixel
        kernel = np.zeros((side, side), np.float32)
        steps = np.linspace(-half, half, 4 * length + 1)
        across = np.rint(side // 2 + steps * np.cos(way)).astype(int)
        down = np.rint(side // 2 + steps * np.sin(way)).astype(int)
        np.add.at(kernel, (down, across), 1)
        return cv2.filter2D(image, -1, kernel / kernel.sum())
    return image


def _noise(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Add sensor noise, mostly in brightness and a little in colour; float32 in, uint8 out."""
    height, width = image.shape[:2]
    strength = np.float32(abs(rng.normal(0, 5)))
    grain = strength * rng.standard_normal((height, width), dtype=np.float32)
    tinge = strength * rng.standard_normal((height // 4, width // 4, 3), dtype=np.float32)
    noise = cv2.add(
        cv2.merge([grain] * 3), cv2.resize(tinge, (width, height), interpolation=cv2.INTER_LINEAR)
    )
    noise += image
    return np.clip(noise, 0, 255, out=noise).astype(np.uint8)
