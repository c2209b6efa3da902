"""Pure functions on points and boxes; the conventions are in the package docstring."""

import numpy as np


def inside_image(points: np.ndarray, width: int | np.ndarray, height: int | np.ndarray) -> np.ndarray:
    """Tell which points lie inside an image.

    Args:
        points: ``(..., 2)`` in (x, y) pixels; NaN counts as outside.
        width: image width in pixels; or those of several images, such that they broadcast to ``(...)``.
        height: image height in pixels; the same.

    Returns:
        Boolean array of shape ``(...)``.
    """
    x, y = points[..., 0], points[..., 1]
    return (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)


def box_from_points(points: np.ndarray, labelled: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Return the box around the labelled keypoints, grown on each side by ``margin`` times its longer side.

    The longer side is used in both directions, so that collinear keypoints still get a box with an area.

    Args:
        points: ``(K, 2)`` in (x, y) pixels.
        labelled: ``(K,)``; keypoints with a false value are ignored.
        margin: fraction of the longer side added on each of the four sides.

    Returns:
        ``(4,)`` float64, xyxy. All zeros if no keypoint is labelled.
    """
    chosen = points[labelled.astype(bool)]
    if len(chosen) == 0:
        return np.zeros(4)
    low, high = chosen.min(axis=0), chosen.max(axis=0)
    pad = margin * float((high - low).max())
    return np.concatenate([low - pad, high + pad]).astype(np.float64)


def clip_box(box: np.ndarray, width: int | np.ndarray, height: int | np.ndarray) -> np.ndarray:
    """Clip a box to the pixel centres of an image.

    Args:
        box: ``(..., 4)`` xyxy in pixels; not modified.
        width: image width in pixels; or ``(...)`` those of several images.
        height: image height in pixels; the same.

    Returns:
        ``(..., 4)`` xyxy, a new array.
    """
    last = np.array([width, height, width, height]).T - 1
    return np.clip(box, 0, last)


def box_area(box: np.ndarray) -> float:
    """Return the area of a box.

    Args:
        box: ``(4,)`` xyxy in pixels.

    Returns:
        Square pixels; 0 for an inverted box.
    """
    return float(max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]))


def box_areas(boxes: np.ndarray) -> np.ndarray:
    """Return the areas of several boxes.

    Args:
        boxes: ``(N, 4)`` xyxy in pixels.

    Returns:
        ``(N,)`` square pixels; 0 for an inverted box, NaN for one that is not finite.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        return np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0).prod(axis=1)


def box_overlaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the IoU of every pair of boxes.

    Args:
        one: ``(N, 4)`` xyxy in pixels.
        other: ``(M, 4)`` xyxy in pixels.

    Returns:
        ``(N, M)``, 0 to 1.
    """
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.maximum(high - low, 0.0).prod(axis=2)
    return shared / np.maximum(box_areas(one)[:, None] + box_areas(other)[None] - shared, 1e-9)


def xyxy_to_xywh(box: np.ndarray) -> np.ndarray:
    """Convert boxes from two corners to the upper left corner and the size.

    Args:
        box: ``(..., 4)`` left, top, right, bottom.

    Returns:
        ``(..., 4)`` left, top, width, height.
    """
    return np.concatenate([box[..., :2], box[..., 2:] - box[..., :2]], axis=-1)
