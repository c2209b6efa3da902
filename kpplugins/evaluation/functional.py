"""Pure functions of keypoint errors. N instances, K keypoints; points (N, K, 2) in (x, y) pixels.

``labelled`` is always a boolean (N, K): points without a label never count.
"""

from collections.abc import Sequence

import numpy as np


def distances(predicted: np.ndarray, truth: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Euclidean distances in pixels, (N, K); NaN where there is no label."""
    return np.where(labelled, np.linalg.norm(predicted - truth, axis=-1), np.nan)


def pck(distance: np.ndarray, norm: np.ndarray, threshold: float) -> float:
    """Percentage of correct keypoints, as a fraction: distances ≤ ``threshold`` · ``norm`` among the labelled.

    Args:
        distance: (N, K) pixels, NaN without a label.
        norm: (N,) pixels, e.g. the longer side of the box.
        threshold: fraction of ``norm``, e.g. 0.1 for PCK@0.1.

    Returns:
        0 to 1; NaN when nothing is labelled.
    """
    known = ~np.isnan(distance)
    if not known.any():
        return float("nan")
    with np.errstate(invalid="ignore"):
        return float((distance <= threshold * norm[:, None])[known].mean())


def pck_curve(distance: np.ndarray, norm: np.ndarray, thresholds: Sequence[float] | np.ndarray) -> np.ndarray:
    """PCK at each of the thresholds: the share of labelled points with distance ≤ threshold · norm.

    Args:
        distance: (N, K) pixels, NaN without a label.
        norm: (N,) pixels, e.g. the longer side of the box.
        thresholds: T fractions of ``norm``.

    Returns:
        (T,), 0 to 1; NaN when nothing is labelled.
    """
    if np.isnan(distance).all():
        return np.full(len(thresholds), np.nan)
    return np.array([pck(distance, norm, t) for t in thresholds])


def nme(distance: np.ndarray, norm: np.ndarray) -> float:
    """Normalised mean error: each distance divided by its instance's ``norm`` (N,), averaged over all labelled points.

    Instances with a norm that is NaN or not positive do not count. NaN when nothing counts.
    """
    usable = np.where(norm > 0, norm, np.nan)
    ratio = distance / usable[:, None]
    return float(np.nanmean(ratio)) if not np.isnan(ratio).all() else float("nan")


def mean_error(distance: np.ndarray) -> float:
    """Mean distance in pixels over all labelled points; NaN when there are none."""
    return float(np.nanmean(distance)) if not np.isnan(distance).all() else float("nan")


def rmse(distance: np.ndarray) -> float:
    """Root of the mean squared error of all labelled coordinates in pixels, as Kaggle scores facial keypoints.

    The mean is over x and y of every point, so a point at distance d adds d²/2 twice. NaN when nothing is labelled.
    """
    return float(np.sqrt(np.nanmean(distance**2) / 2)) if not np.isnan(distance).all() else float("nan")


def point_distance(truth: np.ndarray, labelled: np.ndarray, first: int, second: int) -> np.ndarray:
    """Distance in pixels between two true points of each instance, (N,); NaN where one has no label."""
    both = labelled[:, first] & labelled[:, second]
    return np.where(both, np.linalg.norm(truth[:, first] - truth[:, second], axis=-1), np.nan)


def oks(distance: np.ndarray, area: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """Object keypoint similarity as COCO defines it: mean over labelled points of exp(-d² / (2 · area · (2σ)²)).

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
