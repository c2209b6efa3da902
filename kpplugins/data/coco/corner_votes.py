"""Tell whether numbers that should be x, y, width, height are two corners."""

import numpy as np

_SLACK = 0.02
"""How far a box may reach beyond its image, or a keypoint beyond its box, as a fraction of the longer side."""
_TIGHTER = 1.3
"""How many times better a box must cover its keypoints as corners if it would be in its image both ways."""
_LEAST = 2
_SHARE = 0.5


def corner_votes(
    boxes: np.ndarray, points: np.ndarray, sizes: np.ndarray, by_cover: bool = True
) -> np.ndarray:
    """Vote for how each box is stored, by whether it is within its image and around its keypoints.

    Args:
        boxes: (N, 4) as they are written.
        points: (N, K, 3) x, y in pixels and visibility.
        sizes: (N, 2) width and height of the images.
        by_cover: if a box could be either, vote for corners if they fit the keypoints much more closely. This is only a
            hint: boxes near the upper left of small images do so by chance.

    Returns:
        (N,) 1 for two corners x1, y1, x2, y2; -1 for x, y, width, height; 0 if it cannot be told: no labelled
        keypoint, a box that begins at 0, 0, or neither fits.
    """
    labelled = points[..., 2] > 0
    low = np.where(labelled[..., None], points[..., :2], np.inf).min(axis=1, initial=np.inf)
    high = np.where(labelled[..., None], points[..., :2], -np.inf).max(axis=1, initial=-np.inf)
    sides = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    as_corners, as_sides = (_fits(b, low, high, sizes) for b in (boxes, sides))
    known = labelled.any(axis=1) & boxes[:, :2].any(axis=1)
    both = as_corners & as_sides
    tighter = _cover(boxes, low, high) > _TIGHTER * _cover(sides, low, high)
    votes = as_corners.astype(int) - as_sides.astype(int) + (both & tighter & by_cover)
    return np.where(known, votes, 0)


def are_corners(votes: np.ndarray) -> bool:
    """Tell whether the votes of a file's boxes are for corners.

    Args:
        votes: (N,) see ``corner_votes``.

    Returns:
        True if two or more are for corners, and more than half of the votes that are not 0.
    """
    signs = int((votes > 0).sum())
    return signs >= _LEAST and signs > _SHARE * np.count_nonzero(votes)


def _fits(boxes: np.ndarray, low: np.ndarray, high: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return (N,) boolean: an xyxy box has a size, and is in its image and around its keypoints, up to the slack."""
    extent = boxes[:, 2:] - boxes[:, :2]
    slack = 1 + _SLACK * extent.max(axis=1, initial=0, keepdims=True)
    inside = (boxes[:, :2] >= -slack).all(axis=1) & (boxes[:, 2:] <= sizes + 1 + _SLACK * sizes).all(axis=1)
    around = (low >= boxes[:, :2] - slack).all(axis=1) & (high <= boxes[:, 2:] + slack).all(axis=1)
    return (extent > 0).all(axis=1) & inside & around


def _cover(boxes: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return (N,) the share of an xyxy box that the extent of its keypoints covers."""
    extent = np.where(np.isfinite(low) & np.isfinite(high), high, 0) - np.where(np.isfinite(low), low, 0)
    return extent.prod(axis=1) / np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-9)
