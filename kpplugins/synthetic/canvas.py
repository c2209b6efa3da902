"""Anti-aliased drawing in image coordinates."""

from __future__ import annotations

import cv2
import numpy as np

from .noise import Colour

SUPERSAMPLE = 2  # canvas pixels per image pixel, per axis
_FRACTION_BITS = 4  # OpenCV's fixed-point coordinates


class Canvas:
    """An image that is drawn on at twice its size and shrunk at the end.

    Points are (N, 2) in image pixels, with pixel centres at integer coordinates: image x is canvas ``2 x + 0.5``.

    Args:
        image: (H, W, 3) BGR uint8 that is drawn over.
    """

    def __init__(self, image: np.ndarray):
        self.size = (image.shape[1], image.shape[0])
        big = (self.size[0] * SUPERSAMPLE, self.size[1] * SUPERSAMPLE)
        self.pixels = cv2.resize(image, big, interpolation=cv2.INTER_LINEAR)

    def fill(self, polygon: np.ndarray, colour: Colour) -> None:
        """Fill a polygon."""
        cv2.fillPoly(self.pixels, [_fixed(_to_canvas(polygon))], colour, cv2.LINE_8, _FRACTION_BITS)

    def line(self, points: np.ndarray, colour: Colour, width: float) -> None:
        """Draw an open line ``width`` image pixels wide (at least half a pixel)."""
        thick = max(1, round(width * SUPERSAMPLE))
        cv2.polylines(
            self.pixels, [_fixed(_to_canvas(points))], False, colour, thick, cv2.LINE_8, _FRACTION_BITS
        )

    def hairs(self, starts: np.ndarray, ends: np.ndarray, colours: np.ndarray, width: float) -> None:
        """Draw N straight hairs; starts and ends (N, 2), colours (N, 3)."""
        thick = max(1, round(width * SUPERSAMPLE))
        first, second = _fixed(_to_canvas(starts)).tolist(), _fixed(_to_canvas(ends)).tolist()
        for start, end, colour in zip(first, second, colours.tolist(), strict=True):
            cv2.line(self.pixels, start, end, colour, thick, cv2.LINE_8, _FRACTION_BITS)

    def blend(self, polygon: np.ndarray, colour: Colour, opacity: float, soft: float) -> None:
        """Lay a colour over a polygon whose edge fades over about ``soft`` image pixels."""
        points, reach = _to_canvas(polygon), round(soft * SUPERSAMPLE)
        window = self._window(points, 2 * reach + 1)
        if window is None:
            return
        part = self.pixels[window]
        mask = _mask(points, window)
        if reach:
            box = (2 * reach + 1, 2 * reach + 1)
            mask = cv2.blur(cv2.blur(mask, box), box)
        share = mask * np.float32(opacity / 255)
        solid = np.empty_like(part)
        solid[:] = np.tile(np.rint(colour).astype(np.uint8), (part.shape[1], 1))  # by rows: much faster
        part[:] = cv2.blendLinear(part, solid, 1 - share, share)

    def paste(self, polygon: np.ndarray, texture: np.ndarray, matrix: np.ndarray) -> None:
        """Fill a polygon with a texture (h, w, 3); ``matrix`` (2, 3) maps its pixels to the image's."""
        points = _to_canvas(polygon)
        window = self._window(points, 1)
        if window is None:
            return
        part = self.pixels[window]
        there = np.array(matrix, dtype=float) * SUPERSAMPLE
        there[:, 2] += (SUPERSAMPLE - 1) / 2 - np.array([window[1].start, window[0].start])
        size = (part.shape[1], part.shape[0])
        drawn = cv2.warpAffine(texture, there, size, borderMode=cv2.BORDER_REFLECT_101)
        cv2.copyTo(drawn, _mask(points, window), part)

    def colours_at(self, points: np.ndarray) -> np.ndarray:
        """Return the colours (N, 3) under points; those outside get the nearest one's."""
        x, y = np.rint(_to_canvas(points)).astype(int).T
        height, width = self.pixels.shape[:2]
        return self.pixels[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]

    def finish(self) -> np.ndarray:
        """Return the image, (H, W, 3) BGR uint8."""
        return cv2.resize(self.pixels, self.size, interpolation=cv2.INTER_AREA)

    def _window(self, points: np.ndarray, border: int) -> tuple[slice, slice] | None:
        """Return the rows and columns around points, clipped to the canvas; None if nothing is left."""
        height, width = self.pixels.shape[:2]
        left, top = np.maximum(np.floor(points.min(0)).astype(int) - border, 0).tolist()
        right, bottom = (np.ceil(points.max(0)).astype(int) + border + 1).tolist()
        right, bottom = min(right, width), min(bottom, height)
        return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


def _to_canvas(points: np.ndarray) -> np.ndarray:
    return np.asarray(points) * SUPERSAMPLE + (SUPERSAMPLE - 1) / 2


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.rint(points * (1 << _FRACTION_BITS)).astype(np.int32)


def _mask(points: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    """Return a mask of one window of the canvas: 255 inside the polygon of canvas points."""
    rows, columns = window
    mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    cv2.fillPoly(mask, [_fixed(points - (columns.start, rows.start))], 255, cv2.LINE_8, _FRACTION_BITS)
    return mask
