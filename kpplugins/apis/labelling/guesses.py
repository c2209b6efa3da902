"""Predict where labels are, to compare the two."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kpplugins.apis.labelling.second_look import larger_boxes
from kpplugins.curation.suspects.evidence import Evidence
from kpplugins.data import PoseRecord
from kpplugins.inference.pose_result import PoseResult
from kpplugins.inference.predictor import Predictor
from kpplugins.schema import KeypointSchema
from kpplugins.structures.geometry import box_overlaps, clip_box
from kpplugins.structures.model_kind import ONE_STAGE

_SURE = 0.5
"""Least score of the keypoints that an implied box is fitted to, as a fraction of the best one's."""
_OTHER_BOX = 0.7
"""IoU of the labelled box and the one that the labelled keypoints imply, below which both are looked into."""
_MATCH = 0.3
"""Least overlap (IoU) of a label and what a one-stage model finds."""


def evidence_of(
    predictor: Predictor,
    given: Sequence[PoseRecord],
    schema: KeypointSchema,
    derived: np.ndarray,
    possible: np.ndarray,
    progress: Callable[[int, int], None] | None = None,
) -> Evidence:
    """Predict at every label: in its box, or, with a one-stage model, in its image.

    A top-down model also looks into the box that the labelled keypoints imply, where that is another one; of both
    predictions the one with the higher mean score is kept. It looks at each again in a larger box, to see which
    keypoints it would put elsewhere.

    Args:
        predictor: a model that was not trained on the images.
        given: N labels.
        schema: their K keypoints, which the model has too, in any order.
        derived: (N,), see ``Evidence``.
        possible: (N, K), see ``Evidence``.
        progress: called with (images done, of all).

    Returns:
        Labels and predictions.

    Raises:
        BadInputError: an image cannot be read, or the model has other keypoints.
    """
    order = predictor.schema.indices_of(schema.keypoints)
    records = [
        replace(r, keypoints=r.keypoints[schema.indices_of(predictor.schema.keypoints)]) for r in given
    ]
    of_image: dict[Path, list[int]] = defaultdict(list)
    for i, record in enumerate(records):
        of_image[record.image].append(i)
    k = predictor.schema.num_keypoints
    predicted, scores = np.full((len(records), k, 2), np.nan), np.zeros((len(records), k))
    implied, moved = np.full((len(records), 4), np.nan), np.zeros((len(records), k))
    one_stage = predictor.model.kind == ONE_STAGE
    asked = [_asked(predictor, records, [] if one_stage else rows) for rows in of_image.values()]
    looks = None if one_stage else [np.concatenate([boxes, larger_boxes(boxes)]) for boxes, _ in asked]
    results = predictor.predict(list(of_image), looks)
    for done, (rows, result) in enumerate(zip(of_image.values(), results, strict=True), 1):
        pairs = _matched(records, rows, result) if one_stage else _best(asked[done - 1][1], result)
        for row, i in pairs:
            predicted[row], scores[row] = result.keypoints[i], result.scores[i]
            points, sure = result.keypoints[i], result.scores[i]
            if not one_stage:
                again = result.keypoints[len(result) // 2 + i]
                moved[row] = np.linalg.norm(again - points, axis=1)
            box = result.boxes[i] if one_stage else implied_box(predictor, points, sure)
            implied[row] = np.nan if box is None else box
        if progress is not None:
            progress(done, len(of_image))
    return Evidence(
        schema,
        tuple(given),
        predicted[:, order],
        scores[:, order],
        moved[:, order],
        implied,
        derived,
        possible,
    )


def implied_box(predictor: Predictor, points: np.ndarray, scores: np.ndarray) -> np.ndarray | None:
    """Return the box that keypoints had in training.

    Args:
        predictor: whose run knows it.
        points: (K, 2) pixels.
        scores: (K,) of the keypoints; those with less than half the best one's do not count.

    Returns:
        (4,) xyxy, or ``None`` where it cannot be said.
    """
    layout = predictor.model.layout
    return None if layout is None else layout.box_around(points, scores >= _SURE * scores.max(initial=0))


def _asked(
    predictor: Predictor, records: Sequence[PoseRecord], rows: list[int]
) -> tuple[np.ndarray, list[int]]:
    """Return the boxes of an image to look into, and the label of each."""
    boxes, owners = [], []
    for row in rows:
        record = records[row]
        wanted = [record.bbox]
        implied = implied_box(predictor, record.keypoints[:, :2], record.keypoints[:, 2].clip(max=1))
        if implied is not None and box_overlaps(record.bbox[None], implied[None])[0, 0] < _OTHER_BOX:
            wanted.append(implied)
        for box in wanted:
            clipped = clip_box(box, record.width, record.height)
            if (clipped[2:] - clipped[:2]).min() >= 2:
                boxes.append(box)
                owners.append(row)
    return np.array(boxes, float).reshape(-1, 4), owners


def _best(owners: list[int], result: PoseResult) -> list[tuple[int, int]]:
    """Return (label, instance): of several predictions for a label the one with the highest mean score."""
    best: dict[int, int] = {}
    means = result.scores.mean(axis=1)
    for i, row in enumerate(owners):
        if row not in best or means[i] > means[best[row]]:
            best[row] = i
    return list(best.items())


def _matched(records: Sequence[PoseRecord], rows: list[int], result: PoseResult) -> list[tuple[int, int]]:
    """Match labels of an image and what was found in it, from the largest overlap of their boxes down."""
    if not len(result):
        return []
    overlaps = box_overlaps(np.array([records[row].bbox for row in rows]), result.boxes)
    pairs = []
    while overlaps.size and overlaps.max() >= _MATCH:
        a, b = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
        pairs.append((rows[a], int(b)))
        overlaps[a], overlaps[:, b] = -1, -1
    return pairs
