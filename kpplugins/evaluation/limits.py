"""What limits a model: where its error comes from."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from kpplugins.evaluation.evaluation_result import EvaluationResult

FAR, NEAR = 0.1, 0.05
"""A keypoint is far off, and is at another place, by these fractions of the longer side of the box."""
_TENTH = 0.1


def limits_of(result: EvaluationResult) -> dict[str, Any]:
    """Divide the error of a test by its causes.

    Args:
        result: N instances with K keypoints.

    Returns:
        ``missed``, the share of the instances for which nothing was found; ``far``, the share of the labelled keypoints
        of the others that are more than ``FAR`` off, ``confused``, the share that is far off and within ``NEAR`` of
        another keypoint of its instance, with the most frequent such pair as ``most_confused`` (its keypoint, the one
        where it was found, how often), and ``other_instance``, the share that is far off and within ``NEAR`` of a
        keypoint of another instance of the image; ``worst_tenth``, the share of the whole error that the worst tenth of
        the keypoints have; ``shift`` (x, y), the mean offset in pixels; ``error``, the mean error as a fraction of the
        longer side of the box, and ``small_error``, that of the smallest quarter of the boxes. ``None`` for what cannot
        be said.
    """
    found = ~np.isnan(result.distance)
    error = result.distance / result.box_side[:, None]
    there = ~np.isnan(result.predicted).any(axis=(1, 2))
    known = np.sort(error[found])[::-1]
    offsets = (result.predicted - result.truth)[found]
    small = result.box_side <= np.quantile(result.box_side, 0.25) if len(error) else np.zeros(0, bool)
    pair, confused = _confused(result, error)
    count = max(1, int(found.sum()))
    worst = known[: max(1, round(_TENTH * len(known)))]
    return {
        "missed": float(1 - there.mean()) if len(there) else None,
        "far": float((known > FAR).sum() / count) if len(known) else None,
        "confused": confused / count,
        "most_confused": pair,
        "other_instance": _elsewhere(result, error) / count,
        "worst_tenth": float(worst.sum() / known.sum()) if len(known) and known.sum() > 0 else None,
        "shift": offsets.mean(axis=0).round(3).tolist() if len(offsets) else None,
        "error": float(known.mean()) if len(known) else None,
        "small_error": float(error[small][found[small]].mean()) if found[small].any() else None,
    }


def limits_in_words(limits: dict[str, Any]) -> list[str]:
    """Say what ``limits_of`` found, what matters little left out.

    Args:
        limits: from ``limits_of``.

    Returns:
        Sentences.
    """
    said = []
    if limits["missed"]:
        said.append(f"{limits['missed']:.1%} of the instances are missed.")
    if limits["far"]:
        said.append(f"{limits['far']:.1%} of the keypoints are off by more than {FAR:g} of the box.")
    if limits["most_confused"] and limits["confused"] >= 0.002:
        name, where, often = limits["most_confused"]
        said.append(
            f"{limits['confused']:.1%} are found at another keypoint of the instance, most often {name} at {where} "
            f"({often} times)."
        )
    if limits["other_instance"] >= 0.002:
        said.append(f"{limits['other_instance']:.1%} are found at another instance.")
    if limits["worst_tenth"] is not None:
        said.append(f"The worst tenth of the keypoints has {limits['worst_tenth']:.0%} of the error.")
    if (
        limits["error"]
        and limits["small_error"] is not None
        and limits["small_error"] > 1.25 * limits["error"]
    ):
        times = limits["small_error"] / limits["error"]
        said.append(f"In the smallest quarter of the boxes the error is {times:.1f} times the mean.")
    return said


def _confused(result: EvaluationResult, error: np.ndarray) -> tuple[list[Any] | None, int]:
    """Return the most frequent pair of keypoints of which one was found at the other, and how often any was."""
    counts: Counter[tuple[int, int]] = Counter()
    for i in np.flatnonzero((error > FAR).any(axis=1)):
        known = np.flatnonzero(result.labelled[i])
        gaps = _gaps(result.predicted[i], result.truth[i, known])
        gaps[known, np.arange(len(known))] = np.inf
        there = (error[i] > FAR) & (gaps.min(axis=1) <= NEAR * result.box_side[i])
        counts.update((int(k), int(known[gaps[k].argmin()])) for k in np.flatnonzero(there))
    if not counts:
        return None, 0
    ((found, place), often) = counts.most_common(1)[0]
    names = result.schema.keypoints
    return [names[found], names[place], often], counts.total()


def _elsewhere(result: EvaluationResult, error: np.ndarray) -> int:
    """Count the keypoints that were found at a keypoint of another instance of their image."""
    of_image: defaultdict[int, list[int]] = defaultdict(list)
    for i, image in enumerate(result.image_ids.tolist()):
        of_image[image].append(i)
    count = 0
    for i in np.flatnonzero((error > FAR).any(axis=1)).tolist():
        others = [other for other in of_image[int(result.image_ids[i])] if other != i]
        places = result.truth[others][result.labelled[others]]
        if len(places):
            near = _gaps(result.predicted[i], places).min(axis=1) <= NEAR * result.box_side[i]
            count += int(((error[i] > FAR) & near).sum())
    return count


def _gaps(points: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the distances (P, Q) from points (P, 2) to places (Q, 2)."""
    return np.linalg.norm(points[:, None] - places[None], axis=-1)
