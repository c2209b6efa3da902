"""Build the parts of CenterNet's training targets. Pure functions; NumPy only.

Dimensions: N instances, M peaks, R regions, C channels, [W, H] maps of cells. A *cell coordinate* is a coordinate of
the network's input divided by the stride; its integer part is the cell, the rest the offset within it, 0 ≤ offset < 1.
"""

from functools import lru_cache

import numpy as np


def gaussian_radii(sizes: np.ndarray, min_overlap: float = 0.7, exact: bool = False) -> np.ndarray:
    """Compute the radius of each centre's Gaussian, in whole cells.

    The idea is CornerNet's (Law & Deng 2018, arXiv 1808.01244): a box whose two corners are displaced by the radius
    still overlaps the true one by ``min_overlap``. ``exact`` takes the smallest of three displacements: both corners
    outwards, both inwards, one each. CenterNet's published radius is wider: its code divides by 2 where the quadratic
    formula has 2a, which gives 4 · min_overlap times the first of the three. The published weights and figures come
    from that radius, and it gives small instances more than one cell.

    Args:
        sizes: (N, 2) width and height of the boxes, in cells; rounded up first.
        min_overlap: intersection over union, above 0 and below 1.
        exact: use the geometrically correct radius instead of the published one.

    Returns:
        (N,) int64, 0 or more.
    """
    width, height = np.ceil(np.asarray(sizes, np.float64)).T
    total, area = width + height, width * height
    outward = (
        np.sqrt((min_overlap * total) ** 2 + 4 * min_overlap * (1 - min_overlap) * area) - min_overlap * total
    )
    if not exact:
        return outward.astype(np.int64)
    shifted = (total - np.sqrt(total**2 - 4 * area * (1 - min_overlap) / (1 + min_overlap))) / 2
    inward = (total - np.sqrt(total**2 - 4 * area * (1 - min_overlap))) / 4
    return np.minimum(np.minimum(outward / (4 * min_overlap), shifted), inward).astype(np.int64)


@lru_cache(maxsize=1024)
def gaussian_patch(radius: int) -> np.ndarray:
    """Return a Gaussian whose sigma is a sixth of its side.

    Args:
        radius: r, in cells.

    Returns:
        (2r + 1, 2r + 1) float32, 1 in the middle; cached and read-only.
    """
    squares = np.arange(-radius, radius + 1, dtype=np.float64) ** 2
    sigma = (2 * radius + 1) / 6
    patch = np.exp(-(squares[:, None] + squares) / (2 * sigma**2)).astype(np.float32)
    patch.setflags(write=False)
    return patch


def draw_peaks(maps: np.ndarray, channels: np.ndarray, cells: np.ndarray, radii: np.ndarray) -> None:
    """Draw peaks into ``maps``, in place; where several overlap, the highest value wins.

    Args:
        maps: (C, H, W) float32.
        channels: (M,) index of each peak's map.
        cells: (M, 2) whole cells (x, y), inside the map.
        radii: (M,) whole cells, half the side of each Gaussian.
    """
    height, width = maps.shape[1:]
    for channel, (x, y), radius in zip(channels.tolist(), cells.tolist(), radii.tolist(), strict=True):
        left, right = max(x - radius, 0), min(x + radius + 1, width)
        top, bottom = max(y - radius, 0), min(y + radius + 1, height)
        drawn = gaussian_patch(radius)
        drawn = drawn[top - y + radius : bottom - y + radius, left - x + radius : right - x + radius]
        patch = maps[channel, top:bottom, left:right]
        np.maximum(patch, drawn, out=patch)


def mask_outside(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Mark the cells that no box touches.

    Args:
        boxes: (R, 4) xyxy in cell coordinates; may extend beyond the map.
        size: (W, H) of the map.

    Returns:
        (1, H, W) boolean, true outside all boxes.
    """
    mask = np.ones((1, size[1], size[0]), bool)
    low = np.floor(np.maximum(boxes[:, :2], 0)).astype(np.int64)
    high = np.ceil(np.maximum(boxes[:, 2:], 0)).astype(np.int64)
    for (left, top), (right, bottom) in zip(low.tolist(), high.tolist(), strict=True):
        mask[0, top:bottom, left:right] = False
    return mask
