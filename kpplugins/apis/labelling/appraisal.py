"""What a run makes of images that nobody has labelled: what it finds, how unsure it is, and how they look to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kpplugins.inference.pose_result import PoseResult
from kpplugins.inference.predictor import Predictor
from kpplugins.inference.trained.trained_model import with_features
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import box_areas
from kpplugins.structures.model_kind import ONE_STAGE

_TOGETHER = 32
_LARGER = 1.15
"""How many times larger the second look's box is."""


@dataclass(frozen=True)
class Appraisal:
    """M images, as a run sees them.

    Attributes:
        results: what was found in each.
        unsureness: (M,) 0 to 1, by rank among the images: 1 for the one whose keypoints have the lowest mean score and
            move most when the model looks again into a larger box (half of each).
        features: (M, D) float32, what the backbone makes of each image: of its instances on average, or, with a
            one-stage model, of the whole image.
    """

    results: tuple[PoseResult, ...]
    unsureness: np.ndarray
    features: np.ndarray


def appraise(
    predictor: Predictor,
    images: Sequence[Path],
    boxes: Sequence[np.ndarray] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Appraisal:
    """Predict on images and keep features.

    Args:
        predictor: of a run; exported models keep no features.
        images: M files that can be decoded.
        boxes: (N, 4) xyxy for each image, where they are known to a top-down model.
        progress: called with (images done, of all).

    Returns:
        The appraisal.

    Raises:
        BadInputError: the model is an exported one, or an image cannot be read.
    """
    trained = getattr(predictor.model, "trained", None)
    if trained is None:
        raise BadInputError(
            "an exported model does not give the features of its backbone", where="--run",
            todo="give the work dir or the checkpoint of the run",
        )  # fmt: skip
    results: list[PoseResult] = []
    doubts: list[tuple[float, float]] = []
    features: list[np.ndarray] = []
    for path, result in zip(images, predictor.predict(images, boxes), strict=True):
        image = predictor.read(path)
        if predictor.model.kind == ONE_STAGE:
            _, seen = with_features(trained, [predictor.model.prepare(image)])
            moved = 0.0
        else:
            places = (
                result.boxes
                if len(result)
                else np.array([(0.0, 0.0, image.shape[1] - 1.0, image.shape[0] - 1.0)])
            )
            units = [predictor.model.prepare(image, box)[1] for box in places[:_TOGETHER]]
            _, seen = with_features(trained, units)
            moved = _moved(predictor, image, result)
        results.append(result)
        features.append(seen.mean(axis=0))
        doubts.append((1 - float(result.scores.mean()) if len(result) else 1.0, moved))
        if progress is not None:
            progress(len(results), len(images))
    unsure = np.mean([ranks(column) for column in np.array(doubts, float).reshape(-1, 2).T], axis=0)
    return Appraisal(tuple(results), unsure, np.array(features, np.float32))


def _moved(predictor: Predictor, image: np.ndarray, result: PoseResult) -> float:
    """Return how far keypoints move in a larger box, in square roots of its area, on average; 0 for none."""
    if not len(result):
        return 0.0
    centre, half = (
        (result.boxes[:, 2:] + result.boxes[:, :2]) / 2,
        (result.boxes[:, 2:] - result.boxes[:, :2]) / 2,
    )
    larger = np.concatenate([centre - _LARGER * half, centre + _LARGER * half], axis=1)
    units = [predictor.model.prepare(image, box) for box in larger]
    again = PoseResult.joined(predictor.model.run(units, quick=True), predictor.schema)
    apart = np.linalg.norm(again.keypoints - result.keypoints, axis=2).mean(axis=1)
    return float((apart / np.sqrt(np.maximum(box_areas(result.boxes), 1.0))).mean())


def ranks(values: np.ndarray) -> np.ndarray:
    """Return the rank of each value, from near 0 for the smallest to 1; equal values share the mean of theirs.

    Args:
        values: (M,).

    Returns:
        (M,) above 0, to 1.
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((last - (counts - 1) / 2) / max(len(values), 1))[place]
