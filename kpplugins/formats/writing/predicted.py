"""Predictions as records, with the keypoints that are certain enough to be shown for correction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.record_builder import build_record
from kpplugins.formats.writing.content import Content
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import box_area, clip_box, inside_image

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
    """

    points: np.ndarray
    box: np.ndarray | None
    score: float
    source: Path
    where: str
    category: str = "object"


def check_threshold(threshold: float) -> None:
    """Raise BadInputError if ``threshold`` is not a finite number.

    Args:
        threshold: least score of a keypoint.
    """
    if not np.isfinite(threshold):
        raise BadInputError(
            "wrong threshold", where="score_thr", expected="a number such as 0.3", found=str(threshold)
        )


def predicted_content(
    schema: KeypointSchema,
    images: Sequence[ImageInfo],
    found: Mapping[Path, Sequence[Prediction]],
    threshold: float,
    *,
    origin: str,
    splits: Mapping[Path, str] | None = None,
    faults: Sequence[BadInputError] = (),
) -> Content:
    """Build records of predictions; keypoints of a lower score than ``threshold`` or outside their image are absent.

    The box is the predicted one, cut to its image, else the one around the keypoints.

    Args:
        schema: of the K keypoints.
        images: all that are to be written.
        found: predictions by image.
        threshold: least score of a keypoint that is written.
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
    prediction: Prediction, image: ImageInfo, threshold: float, counts: Counter[str]
) -> PoseRecord | None:
    sure = prediction.points[:, 2] >= threshold
    inside = inside_image(prediction.points[:, :2], image.width, image.height)
    counts[f"point of a lower score than {threshold:g}"] += int((~sure).sum())
    counts["point outside its image"] += int((sure & ~inside).sum())
    shown = sure & inside
    box = prediction.box
    if box is not None and not box_area(clip_box(box, image.width, image.height)) > 0:
        box = None
    if box is None and not shown.any():
        counts[EMPTY] += 1
        return None
    points = np.where(
        shown[:, None], np.append(prediction.points[:, :2], np.full((len(shown), 1), 2.0), 1), 0.0
    )
    return build_record(
        replace(image, made_on=None),  # predictions are in the pixels of the decoded image
        points,
        source=prediction.source,
        where=prediction.where,
        box=box,
        category=prediction.category,
    )
