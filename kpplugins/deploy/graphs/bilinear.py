"""Bilinear sampling along the axes of an image, in whole numbers as OpenCV does it. Pure functions."""

import torch
from torch import Tensor

Taps = tuple[Tensor, Tensor, Tensor, Tensor]
"""Of each sample on one axis: the index of the lower and of the upper pixel, and their weights, all (N, n)."""


def sides(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the size of an image as tensors, which every exporter keeps free, whatever is computed from them.

    Args:
        image: (H, W, C).

    Returns:
        W and H, int64, of no dimension.
    """
    row, column = image[0, :, 0], image[:, 0, 0]
    return torch.ones_like(row, dtype=torch.int64).sum(), torch.ones_like(column, dtype=torch.int64).sum()


def taps(positions: Tensor, first: Tensor | int, beyond: Tensor | int, repeated: bool) -> Taps:
    """Find between which pixels positions lie.

    Args:
        positions: (N, n) in pixels; pixel i is centred at i.
        first: (N, 1) or a number: the first pixel that is there.
        beyond: (N, 1) or a number: the first one behind the last that is there.
        repeated: pixels outside are the nearest ones inside, else black.

    Returns:
        The taps.
    """
    low = torch.floor(positions)
    above = positions - low
    below, lower = 1 - above, low
    upper = lower + 1
    last = beyond - 1
    if not repeated:
        below = below * ((lower >= first) & (lower <= last))
        above = above * ((upper >= first) & (upper <= last))
    lower = torch.maximum(torch.minimum(lower, _like(last, lower)), _like(first, lower))
    upper = torch.maximum(torch.minimum(upper, _like(last, upper)), _like(first, upper))
    return lower.to(torch.int64), upper.to(torch.int64), below, above


def sampled(image: Tensor, xs: Taps, ys: Taps, width: Tensor | None = None) -> Tensor:
    """Sample an image on N grids, one position on x for each column and one on y for each row: ``cv2.warpAffine``.

    Args:
        image: (H, W, C) of any type.
        xs: of the columns, (N, w).
        ys: of the rows, (N, h).
        width: W, where the image was itself computed: tracing takes the size of such a tensor for fixed.

    Returns:
        (N, h, w, C) float32, rounded to whole numbers, halves up.
    """
    (up, down), above, below = _rows(image, xs, ys, torch.float32, image.shape[1] if width is None else width)
    return _pixels(torch.floor(up * above + down * below + 0.5), image)


def resampled(image: Tensor, xs: Taps, ys: Taps) -> Tensor:
    """Sample as ``sampled`` does, with weights of 11 bits and the roundings of ``cv2.resize``.

    Args:
        image: (H, W, C) of whole numbers 0 to 255, of any type.
        xs: of the columns, (N, w).
        ys: of the rows, (N, h).

    Returns:
        (N, h, w, C) float32, whole numbers.
    """
    (up, down), above, below = _rows(image, _whole(xs), _whole(ys), torch.int32, image.shape[1])
    parts = [_divided(_divided(line, 4) * weight, 16) for line, weight in ((up, above), (down, below))]
    return _pixels(_divided(parts[0] + parts[1] + 2, 2).to(torch.float32), image)


def _pixels(lines: Tensor, image: Tensor) -> Tensor:
    n, h, w = lines.shape
    return lines.reshape(n, h, w // image.shape[2], image.shape[2])


def _rows(
    image: Tensor, xs: Taps, ys: Taps, dtype: torch.dtype, width: Tensor | int
) -> tuple[tuple[Tensor, Tensor], Tensor, Tensor]:
    """Return the upper and the lower row of each sample, weighted along x, (N, h, w · C), and the weights along y.

    Whole pixels are gathered, and multiplied row by row: runtimes are slow where they must repeat single numbers.
    """
    channels = image.shape[2]
    flat = image.reshape(-1, channels)
    left, right, before, after = xs
    top, bottom, above, below = ys
    n, w, h = left.shape[0], left.shape[1], top.shape[1]
    weights = [
        side[:, :, None].expand(n, w, channels).reshape(n, 1, w * channels) for side in (before, after)
    ]

    def line(rows: Tensor) -> Tensor:
        starts, parts = rows[:, :, None] * width, []
        for columns, weight in zip((left, right), weights, strict=True):
            pixels = flat.index_select(0, (starts + columns[:, None, :]).reshape(-1))
            parts.append(pixels.reshape(n, h, w * channels).to(dtype) * weight)
        return parts[0] + parts[1]

    return (line(top), line(bottom)), above[:, :, None], below[:, :, None]


def _whole(axis: Taps) -> Taps:
    lower, upper, below, above = axis
    return lower, upper, torch.round(below * 2048).to(torch.int32), torch.round(above * 2048).to(torch.int32)


def _divided(values: Tensor, bits: int) -> Tensor:
    """Return whole numbers divided by a power of 2 and rounded down."""
    return torch.div(values, 2**bits, rounding_mode="trunc")  # of positive numbers


def _like(value: Tensor | int, other: Tensor) -> Tensor:
    return value.to(other.dtype) if isinstance(value, Tensor) else torch.full_like(other, value)
