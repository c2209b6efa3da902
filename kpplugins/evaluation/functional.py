"""Pure functions of keypoint errors. N instances, K keypoints; keypoints (N, K, 2) in (x, y) pixels.

``labelled`` is always a boolean (N, K): absent keypoints never count.
"""

from collections.abc import Sequence

import numpy as np


def distances(predicted: np.ndarray, truth: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Compute Euclidean distances.

    Args:
        predicted: (N, K, 2) pixels, (x, y).
        truth: (N, K, 2) pixels, (x, y).
        labelled: (N, K) boolean.

    Returns:
        (N, K) pixels; NaN without a label.
    """
    return np.where(labelled, np.linalg.norm(predicted - truth, axis=-1), np.nan)


def pck(distance: np.ndarray, norm: np.ndarray, threshold: float) -> float:
    """Compute PCK, the share of labelled keypoints with distance ≤ ``threshold`` · ``norm``.

    Args:
        distance: (N, K) pixels, NaN without a label.
        norm: (N,) pixels, e.g. the longer side of the box.
        threshold: fraction of ``norm``, e.g. 0.1 for PCK@0.1.

    Returns:
        0 to 1; NaN if nothing is labelled.
    """
    known = ~np.isnan(distance)
    if not known.any():
        return float("nan")
    with np.errstate(invalid="ignore"):
        return float((distance <= threshold * norm[:, None])[known].mean())


def pck_curve(distance: np.ndarray, norm: np.ndarray, thresholds: Sequence[float] | np.ndarray) -> np.ndarray:
    """Compute PCK at each of several thresholds.

    Args:
        distance: (N, K) pixels, NaN without a label.
        norm: (N,) pixels, e.g. the longer side of the box.
        thresholds: T fractions of ``norm``.

    Returns:
        (T,), 0 to 1; NaN if nothing is labelled.
    """
    if np.isnan(distance).all():
        return np.full(len(thresholds), np.nan)
    return np.array([pck(distance, norm, t) for t in thresholds])


def nme(distance: np.ndarray, norm: np.ndarray) -> float:
    """Compute the normalised mean error: distance over ``norm``, averaged over all labelled keypoints.

    Args:
        distance: (N, K) pixels, NaN without a label.
        norm: (N,) pixels; instances with NaN or a norm that is not positive are ignored.

    Returns:
        The error; NaN if nothing counts.
    """
    usable = np.where(norm > 0, norm, np.nan)
    ratio = distance / usable[:, None]
    return float(np.nanmean(ratio)) if not np.isnan(ratio).all() else float("nan")


def mean_error(distance: np.ndarray) -> float:
    """Average the distances over all labelled keypoints.

    Args:
        distance: (N, K) pixels, NaN without a label.

    Returns:
        Pixels; NaN if nothing is labelled.
    """
    return float(np.nanmean(distance)) if not np.isnan(distance).all() else float("nan")


def rmse(distance: np.ndarray) -> float:
    """Compute the root mean squared error of all labelled coordinates, as Kaggle scores facial keypoints.

    The mean is over the x and y of every keypoint, so it is half the mean squared distance.

    Args:
        distance: (N, K) pixels, NaN without a label.

    Returns:
        Pixels; NaN if nothing is labelled.
    """
    return float(np.sqrt(np.nanmean(distance**2) / 2)) if not np.isnan(distance).all() else float("nan")


def point_distance(truth: np.ndarray, labelled: np.ndarray, first: int, second: int) -> np.ndarray:
    """Measure the distance between two true keypoints of each instance.

    Args:
        truth: (N, K, 2) pixels, (x, y).
        labelled: (N, K) boolean.
        first: index of one keypoint.
        second: index of the other.

    Returns:
        (N,) pixels; NaN if one of the two is absent.
    """
    both = labelled[:, first] & labelled[:, second]
    return np.where(both, np.linalg.norm(truth[:, first] - truth[:, second], axis=-1), np.nan)


def oks(distance: np.ndarray, area: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """Compute COCO's object keypoint similarity: the mean of exp(-d² / (2 · area · (2σ)²)) over labelled keypoints.

    Args:
        distance: (N, K) pixels, NaN without a label.
        area: (N,) square pixels, s².
        sigmas: (K,) COCO's σ.

    Returns:
        (N,), 0 to 1; NaN where nothing is labelled.
    """
    variance = 2 * np.maximum(area, np.spacing(1))[:, None] * (2 * sigmas[None]) ** 2
    similarity = np.exp(-(distance**2) / variance)
    empty = np.isnan(similarity).all(axis=1)
    return np.where(empty, np.nan, np.nanmean(np.where(empty[:, None], 0.0, similarity), axis=1))
