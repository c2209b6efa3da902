"""Predictions as records, with the keypoints that are certain enough to be shown for correction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.parsing.values import as_numbers
from kpplugins.data.record_builder import build_record
from kpplugins.formats.writing.content import Content
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import box_area, clip_box, inside_image
from kpplugins.structures.visibility.visibility_calibration import ABSENT, OCCLUDED, SCORE_THR, VISIBLE

WITHOUT = "image without predictions"
EMPTY = "prediction without a sure point and without a box, left out"


@dataclass(frozen=True)
class Prediction:
    """One predicted instance.

    Attributes:
        points: ``(K, 3)`` float64: x, y in pixels, score.
        box: ``(4,)`` float64 xyxy, or ``None``.
        score: of the instance.
        source: the file it is from; ``where`` is the place in it, for messages.
        category: its name.
        states: ``(K,)`` what the model answered: 0 absent, 1 occluded, 2 visible; ``None`` where it said nothing.
    """

    points: np.ndarray
    box: np.ndarray | None
    score: float
    source: Path
    where: str
    category: str = "object"
    states: np.ndarray | None = None


def as_states(value: Any, k: int, where: str) -> np.ndarray | None:
    """Read the states of a prediction's keypoints.

    Args:
        value: K of 0, 1 or 2, or ``None``.
        k: the number of keypoints.
        where: for messages.

    Returns:
        ``(K,)`` int64, or ``None``.

    Raises:
        BadInputError: it is something else.
    """
    if value is None:
        return None
    states = as_numbers(value, "states", where)
    if len(states) != k or not np.isin(states, (ABSENT, OCCLUDED, VISIBLE)).all():
        raise BadInputError(
            "wrong states of keypoints", where=where, expected=f"{k} of 0, 1 or 2", found=str(value)[:60]
        )
    return states.astype(np.int64)


def check_threshold(threshold: float | None) -> None:
    """Raise BadInputError if ``threshold`` is not a finite number.

    Args:
        threshold: least score of a keypoint, or ``None``.
    """
    if threshold is not None and not np.isfinite(threshold):
        raise BadInputError(
            "wrong threshold", where="score_thr", expected="a number such as 0.3", found=str(threshold)
        )


def predicted_content(
    schema: KeypointSchema,
    images: Sequence[ImageInfo],
    found: Mapping[Path, Sequence[Prediction]],
    threshold: float | None,
    *,
    origin: str,
    splits: Mapping[Path, str] | None = None,
    faults: Sequence[BadInputError] = (),
) -> Content:
    """Build records of predictions; keypoints outside their image are absent.

    So are those that the model holds absent, where it says so; the others have the visibility that it says. Where it
    does not, and with a ``threshold``, those of a lower score are absent and the others visible.

    The box is the predicted one, cut to its image, else the one around the keypoints.

    Args:
        schema: of the K keypoints.
        images: all that are to be written.
        found: predictions by image.
        threshold: least score of a keypoint that is written, whatever the model says about its visibility; ``None``
            follows that, and takes ``SCORE_THR`` where it says nothing.
        origin: name of the predictions, for tools that show it.
        splits: of the images, where they have any.
        faults: what could not be read.

    Returns:
        What is to be written.
    """
    reading = AnnotationSet(schema, faults=list(faults), splits=dict(splits or {}))
    scores: list[float] = []
    counts: Counter[str] = Counter()
    for image in images:
        predictions = found.get(image.path, ())
        counts[WITHOUT] += not predictions
        records = [(_record(p, image, threshold, counts), p.score) for p in predictions]
        kept = [(record, score) for record, score in records if record is not None]
        reading.records += [record for record, _ in kept]
        scores += [score for _, score in kept]
        if not kept:
            reading.backgrounds.append(image)
    return Content(reading, tuple(scores), origin, +counts)


def _record(
    prediction: Prediction, image: ImageInfo, threshold: float | None, counts: Counter[str]
) -> PoseRecord | None:
    if threshold is None and prediction.states is not None:
        states, reason = prediction.states, "point that the model holds absent"
    else:
        least = SCORE_THR if threshold is None else threshold
        states = np.where(prediction.points[:, 2] >= least, VISIBLE, ABSENT)
        reason = f"point of a lower score than {least:g}"
    sure = states != ABSENT
    inside = inside_image(prediction.points[:, :2], image.width, image.height)
    counts[reason] += int((~sure).sum())
    counts["point outside its image"] += int((sure & ~inside).sum())
    shown = sure & inside
    box = prediction.box
    if box is not None and not box_area(clip_box(box, image.width, image.height)) > 0:
        box = None
    if box is None and not shown.any():
        counts[EMPTY] += 1
        return None
    points = np.where(shown[:, None], np.column_stack([prediction.points[:, :2], states]), 0.0)
    return build_record(
        replace(image, made_on=None),  # predictions are in the pixels of the decoded image
        points,
        source=prediction.source,
        where=prediction.where,
        box=box,
        category=prediction.category,
    )
