"""What a run makes of images that nobody has labelled: what it finds, how unsure it is, and how they look to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.apis.labelling.second_look import larger_boxes
from kpplugins.inference.pose_result import PoseResult
from kpplugins.inference.predictor import Predictor
from kpplugins.inference.trained.trained_model import with_features
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import box_areas
from kpplugins.structures.model_kind import ONE_STAGE

_TOGETHER = 32


@dataclass(frozen=True)
class Appraisal:
    """M images, as a run sees them.

    Attributes:
        results: what was found in each.
        unsureness: (M,) 0 to 1, by rank among the images: 1 for the one whose keypoints have the lowest mean score and
            move most when the model looks again into a larger box (half of each).
        features: (M, D) float32, what the backbone makes of each image: of its first 32 instances on average, or, with
            a one-stage model, of the whole image.
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
    if getattr(predictor.model, "trained", None) is None:
        raise BadInputError(
            "an exported model does not give the features of its backbone", where="--run",
            todo="give the work dir or the checkpoint of the run",
        )  # fmt: skip
    waiting: list[_Look] = []
    looks: list[_Look] = []
    together = (
        1 if predictor.model.kind == ONE_STAGE else _TOGETHER
    )  # images of different sizes would be padded
    for path, result in zip(images, predictor.predict(images, boxes), strict=True):
        waiting.append(_prepared(predictor, predictor.read(path), result))
        if sum(len(look.units) for look in waiting) >= together:
            looks += _looked(predictor, waiting)
            waiting = []
        if progress is not None:
            progress(len(looks) + len(waiting), len(images))
    looks += _looked(predictor, waiting)
    doubts = np.array([(look.doubt, look.moved) for look in looks], float).reshape(-1, 2)
    unsure = np.mean([ranks(column) for column in doubts.T], axis=0)
    features = np.array([look.features for look in looks], np.float32)
    return Appraisal(tuple(look.result for look in looks), unsure, features)


@dataclass
class _Look:
    """An image on its way: what was found, and what is still to be looked at."""

    result: PoseResult
    units: list[dict]
    larger: list[Any]
    features: np.ndarray = field(default_factory=lambda: np.zeros(0))
    moved: float = 0.0

    @property
    def doubt(self) -> float:
        """Return one minus the mean score; 1 where nothing was found."""
        return 1 - float(self.result.scores.mean()) if len(self.result) else 1.0


def _prepared(predictor: Predictor, image: np.ndarray, result: PoseResult) -> _Look:
    """Cut out what is looked at for features, the instances or the whole image, and the larger boxes."""
    model = predictor.model
    if model.kind == ONE_STAGE:
        return _Look(result, [model.prepare(image)], [])
    if not len(result):
        whole = np.array([0.0, 0.0, image.shape[1] - 1.0, image.shape[0] - 1.0])
        return _Look(result, [model.prepare(image, whole)[1]], [])
    some = result.boxes[:_TOGETHER]
    larger = [model.prepare(image, box) for box in larger_boxes(some)]
    return _Look(result, [model.prepare(image, box)[1] for box in some], larger)


def _looked(predictor: Predictor, looks: list[_Look]) -> list[_Look]:
    """Do the network's share of several images: features, and how far keypoints move in a larger box."""
    if not looks:
        return []
    trained: Any = predictor.model
    seen = iter(with_features(trained.trained, [unit for look in looks for unit in look.units])[1])
    larger = [unit for look in looks for unit in look.larger]
    again = iter(predictor.model.run(larger, quick=True) if larger else [])
    for look in looks:
        look.features = np.mean([next(seen) for _ in look.units], axis=0)
        if look.larger:
            other = PoseResult.joined([next(again) for _ in look.larger], predictor.schema)
            found = look.result.chosen(np.arange(len(look.larger)))
            apart = np.linalg.norm(other.keypoints - found.keypoints, axis=2).mean(axis=1)
            look.moved = float((apart / np.sqrt(np.maximum(box_areas(found.boxes), 1.0))).mean())
    return looks


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
