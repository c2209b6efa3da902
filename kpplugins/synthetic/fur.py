"""Coats: a texture in head units, and single hairs on top of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .canvas import Canvas
from .noise import Colour, jitter, mix, smooth_noise, tint
from .placement import Placement

TEXELS = 160  # of a texture, per axis
REACH = 2.0  # head units from a texture's middle to its edge
WHITE, BLACK = (232.0, 238.0, 242.0), (28.0, 28.0, 30.0)
BASES: tuple[Colour, ...] = (
    (60, 120, 200),  # ginger
    (45, 95, 160),  # dark ginger
    (150, 190, 225),  # cream
    (125, 118, 112),  # blue-grey
    (165, 165, 165),  # silver
    (75, 100, 130),  # brown
    (90, 120, 150),  # fawn
    (40, 40, 44),  # black
    (225, 232, 236),  # white
    (100, 95, 92),  # dark grey
)


@dataclass(frozen=True)
class Coat:
    """The colours of one cat and their pattern.

    Args:
        pattern: a key of ``PATTERNS``.
        base: colour of most of the fur.
        mark: colour of stripes, spots, or points.
        light: colour of muzzle, chest and blaze.
        bib: 0-1, how white the chest and muzzle are.
        length: of the hairs, in head units.
    """

    pattern: str
    base: Colour
    mark: Colour
    light: Colour
    bib: float
    length: float


def sample_coat(rng: np.random.Generator) -> Coat:
    """Draw a random coat.

    Args:
        rng: random generator.

    Returns:
        The coat.
    """
    base = jitter(rng, BASES[rng.integers(len(BASES))], 12)
    dark = sum(base) < 150
    mark = mix(base, WHITE, rng.uniform(0.1, 0.25)) if dark else mix(base, BLACK, rng.uniform(0.35, 0.8))
    pattern = str(rng.choice(list(PATTERNS)))
    if pattern == "calico":
        base, mark = jitter(rng, WHITE, 6), jitter(rng, BASES[rng.integers(2)], 12)
    if pattern == "points":
        base, mark = jitter(rng, (175, 205, 222), 12), jitter(rng, (50, 62, 78), 12)
    light = mix(base, WHITE, rng.uniform(0.3, 1.0))
    return Coat(pattern, base, mark, light, float(rng.random() ** 1.5), float(rng.uniform(0.05, 0.13)))


def head_texture(rng: np.random.Generator, coat: Coat, shift: np.ndarray) -> np.ndarray:
    """Draw the fur of a head.

    Args:
        rng: random generator.
        coat: colours and pattern.
        shift: (2,) head units by which turning the head has moved the face.

    Returns:
        (TEXELS, TEXELS, 3) uint8 BGR.
    """
    u, v = _grid()
    face_u, face_v = u - shift[0], v - shift[1]
    colours = PATTERNS[coat.pattern](rng, coat, face_u, face_v)
    blaze = 1 / (1 + np.exp((np.abs(face_u) - 0.12 - 0.3 * np.clip(face_v + 0.3, 0, 2)) * 12))
    if coat.bib > 0.35:
        colours = _layer(colours, coat.light, coat.bib * blaze * (face_v > -0.9))
    shade = 1.04 - 0.16 * (u**2 + v**2) - 0.06 * v
    return _shaded(rng, colours, shade)


def body_texture(rng: np.random.Generator, coat: Coat) -> np.ndarray:
    """Draw the fur of a body.

    Args:
        rng: random generator.
        coat: colours and pattern.

    Returns:
        (TEXELS, TEXELS, 3) uint8 BGR.
    """
    u, v = _grid()
    drift = 3 * rng.random()
    pattern = PATTERNS["plain" if coat.pattern == "points" else coat.pattern]
    colours = pattern(rng, coat, u * 0.8 + drift, v * 0.8 - drift)
    if coat.bib > 0.35:
        colours = _layer(colours, coat.light, coat.bib / (1 + np.exp((np.abs(u) - 0.35) * 14)))
    return _shaded(rng, colours, 0.86 - 0.1 * u**2 + 0.04 * v)


def texture_matrix(centre: np.ndarray, angle: float, scale: float) -> np.ndarray:
    """Return the transform from texels to image pixels.

    Args:
        centre: (2,) pixels (x, y) of the texture's middle.
        angle: rotation in radians, clockwise in the image.
        scale: pixels per head unit.

    Returns:
        (2, 3) affine matrix.
    """
    step = 2 * REACH / TEXELS
    onto = Placement(scale, angle, (float(centre[0]), float(centre[1])))
    corner = onto.apply(np.array([step / 2 - REACH] * 2))
    return np.concatenate([onto.matrix[:, :2] * step, corner[:, None]], axis=1)


def draw_hairs(
    canvas: Canvas,
    rng: np.random.Generator,
    roots: np.ndarray,
    away: np.ndarray,
    place: Placement,
    coat: Coat,
) -> None:
    """Draw hairs in the colour of the fur below them.

    Args:
        canvas: drawn on.
        rng: random generator.
        roots: (N, 2) head units.
        away: (2,) head units; the hairs point away from it.
        place: from head units to image pixels.
        coat: gives the length.
    """
    count = len(roots)
    along = roots - away + rng.normal(0, 0.15, size=(count, 2))
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    tips = roots + along * coat.length * rng.uniform(0.4, 1.3, size=(count, 1))
    starts = place.apply(roots)
    colours = canvas.colours_at(starts) * rng.uniform(0.8, 1.2, size=(count, 1))
    colours += rng.normal(0, 4, size=(count, 1))
    canvas.hairs(starts, place.apply(tips), np.clip(colours, 0, 255), 0.012 * place.scale)


def _grid() -> tuple[np.ndarray, np.ndarray]:
    """Return the head units (u, v) of every texel, float32."""
    axis = ((np.arange(TEXELS, dtype=np.float32) + 0.5) * (2 * REACH / TEXELS) - REACH).astype(np.float32)
    u, v = np.meshgrid(axis, axis)
    return u, v


def _layer(colours: np.ndarray, colour: Colour, share: np.ndarray) -> np.ndarray:
    """Blend a colour over colours (h, w, 3) with a share (h, w) of 0-1."""
    return colours + share[..., None].astype(np.float32) * (np.array(colour, np.float32) - colours)


def _shaded(rng: np.random.Generator, colours: np.ndarray, shade: np.ndarray) -> np.ndarray:
    """Darken colours by shade (h, w) and roughen them."""
    rough = 0.05 * rng.standard_normal((TEXELS, TEXELS), dtype=np.float32)
    rough += 0.04 * smooth_noise(rng, (TEXELS, TEXELS), (TEXELS // 3, TEXELS // 8))
    return np.clip(colours * (shade + rough)[..., None], 0, 255).astype(np.uint8)


def _edge(field: np.ndarray, sharp: float) -> np.ndarray:
    """Map a field to 0-1, with one half where the field is zero."""
    return 1 / (1 + np.exp(-sharp * np.clip(field, -4, 4)))


def _flat(coat: Coat) -> np.ndarray:
    return np.broadcast_to(np.array(coat.base, np.float32), (TEXELS, TEXELS, 3))


def _plain(rng: np.random.Generator, coat: Coat, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    cloudy = 0.15 + 0.12 * smooth_noise(rng, (TEXELS, TEXELS), (6, 6))
    return _layer(_flat(coat), coat.mark, np.clip(cloudy, 0, 0.5))


def _tabby(rng: np.random.Generator, coat: Coat, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Draw upright stripes on the forehead, and stripes around the cheeks."""
    bend = 0.12 * smooth_noise(rng, (TEXELS, TEXELS), (7, 7))
    brow = np.cos((np.abs(u) * (1 - 0.3 * v) + bend) * rng.uniform(16, 26)) - 0.1
    cheek = np.cos((np.hypot(u * 0.5, v + 0.2) + bend) * rng.uniform(16, 26)) - 0.2
    on_brow, on_cheek = _edge(-0.25 - v, 14), _edge(np.abs(u) - 0.5, 14) * _edge(v + 0.3, 14)
    share = np.maximum(_edge(brow, 4) * on_brow, _edge(cheek, 4) * on_cheek)
    return _layer(_flat(coat), coat.mark, rng.uniform(0.5, 1.0) * share)


def _spots(rng: np.random.Generator, coat: Coat, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    cells = int(rng.integers(14, 26))
    field = smooth_noise(rng, (TEXELS, TEXELS), (cells, cells)) - 0.55
    return _layer(_flat(coat), coat.mark, rng.uniform(0.5, 1.0) * _edge(field, 6))


def _calico(rng: np.random.Generator, coat: Coat, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    first = smooth_noise(rng, (TEXELS, TEXELS), (6, 6)) + rng.uniform(-0.4, 0.3)
    second = smooth_noise(rng, (TEXELS, TEXELS), (6, 6)) - rng.uniform(0.2, 0.8)
    return _layer(_layer(_flat(coat), coat.mark, _edge(first, 16)), BLACK, _edge(second, 16))


def _points(rng: np.random.Generator, coat: Coat, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Draw a dark face and ears on light fur."""
    mask = np.exp(-((u / 0.6) ** 2 + ((v - 0.2) / 0.6) ** 2)) + _edge(np.hypot(u, v) - 1.1, 10)
    return _layer(_flat(coat), coat.mark, np.clip(mask, 0, 1) * rng.uniform(0.6, 1.0))


def _patch(rng: np.random.Generator, coat: Coat, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Draw the two sides of the face in different colours."""
    field = u * np.float32(rng.choice([-1, 1])) + 0.4 * smooth_noise(rng, (TEXELS, TEXELS), (5, 5)) - 0.1
    return _layer(_flat(coat), coat.mark, _edge(field, 18))


PATTERNS: dict[str, Callable[[np.random.Generator, Coat, np.ndarray, np.ndarray], np.ndarray]] = {
    "plain": _plain,
    "tabby": _tabby,
    "spots": _spots,
    "calico": _calico,
    "points": _points,
    "patch": _patch,
}


def ear_lining(rng: np.random.Generator, coat: Coat) -> Colour:
    """Draw a random colour for the inside of the ears.

    Args:
        rng: random generator.
        coat: its base colour is mixed in.

    Returns:
        BGR, 0-255.
    """
    pink = np.array([rng.uniform(120, 175), rng.uniform(125, 175), rng.uniform(175, 225)])
    return mix(tint(pink), coat.base, rng.uniform(0.1, 0.6))
