"""Draw label maps of blurred circles, and read positions back from maps. Pure functions; NumPy and OpenCV only.

Dimensions: N instances, K keypoints, [W, H] maps. The *canvas* is the small image that circles are drawn on, 128×128 in
the CAT recipe.
"""

import cv2
import numpy as np

_SLACK = 1e-3
"""Added before rounding, so that coordinates round alike with or without a detour through float32."""


def pixels_of(points: np.ndarray) -> np.ndarray:
    """Round points to the pixels that contain them, halves up.

    Args:
        points: (..., 2) in (x, y) pixels.

    Returns:
        (..., 2) float64, whole numbers; NaN stays NaN.
    """
    return np.floor(np.asarray(points, np.float64) + (0.5 + _SLACK))


def draw_circles(
    places: np.ndarray,
    drawn: np.ndarray,
    size: tuple[int, int],
    radius: int = 2,
    thickness: int = 2,
    blur: int = 5,
) -> np.ndarray:
    """Draw one map per keypoint: circles of value 1 at its positions, then a Gaussian filter over the map.

    Radius 2 with thickness 2 gives a filled disc of 37 pixels, 7 across; after blurring, its maximum is unique and at
    the centre.

    Args:
        places: (N, K, 2) whole pixels (x, y).
        drawn: (N, K) boolean, the keypoints to draw.
        size: (w, h) of the maps.
        radius: of the circles, in pixels.
        thickness: of their lines, in pixels; a negative value fills them.
        blur: side of the square Gaussian filter, odd; its sigma is what OpenCV derives from it (1.1 for 5).

    Returns:
        (K, h, w) float32, 0 to 1.
    """
    maps = np.zeros((places.shape[1], size[1], size[0]), np.float32)
    for k in range(len(maps)):
        for x, y in places[drawn[:, k], k]:
            cv2.circle(maps[k], (int(x), int(y)), radius, 1.0, thickness)
        if drawn[:, k].any():
            maps[k] = cv2.GaussianBlur(maps[k], (blur, blur), 0)
    return maps


def resized_crop(image: np.ndarray, box: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cut a box out of an image and resize it with OpenCV's default, bilinear interpolation.

    Args:
        image: (H, W) or (H, W, C), of any type that OpenCV resizes.
        box: (4,) x1, y1, x2, y2 in whole pixels; as in a slice, x2 and y2 are the first outside.
        size: (w, h) of the result.

    Returns:
        (h, w) or (h, w, C), of the image's type.
    """
    x1, y1, x2, y2 = (int(v) for v in box)
    return cv2.resize(image[y1:y2, x1:x2], size)


def peaks(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the maximum of each map; the first one if several are equal.

    Args:
        maps: (K, H, W).

    Returns:
        Positions (K, 2) in (x, y) pixels, float32, and values (K,).
    """
    flat = maps.reshape(len(maps), -1)
    best = flat.argmax(axis=1)
    places = np.stack([best % maps.shape[2], best // maps.shape[2]], axis=1).astype(np.float32)
    return places, flat[np.arange(len(flat)), best]


def weighted_means(maps: np.ndarray, threshold: float = 0.0) -> np.ndarray:
    """Compute the mean position of each map, weighted by its values.

    The background counts, too: a value of 0.01 all over a map of 64×64 weighs as much as the disc that
    ``draw_circles`` draws, and moves the mean half of the way to the middle of the map.

    Args:
        maps: (K, H, W); negative values have no weight.
        threshold: fraction of a map's maximum; smaller values have no weight.

    Returns:
        (K, 2) in (x, y) pixels, float32; the middle of the map if it has no positive value.
    """
    kept = np.maximum(maps, 0).astype(np.float64)
    top = kept.reshape(len(kept), -1).max(axis=1)[:, None, None]
    kept[kept < threshold * top] = 0
    kept[top[:, 0, 0] <= 0] = 1
    total = kept.sum(axis=(1, 2))
    x = (kept.sum(axis=1) * np.arange(maps.shape[2])).sum(axis=1) / total
    y = (kept.sum(axis=2) * np.arange(maps.shape[1])).sum(axis=1) / total
    return np.stack([x, y], axis=1).astype(np.float32)
