"""What a model finds in an image, as annotation tools are told it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.formats.writing.predicted import Prediction, predicted_content

if TYPE_CHECKING:
    from kpplugins.inference.pose_result import PoseResult
    from kpplugins.inference.predictor import Predictor


@dataclass(frozen=True)
class FoundInstance:
    """One predicted instance that is certain enough to be shown.

    Attributes:
        record: keypoints with visibility (0 absent: not shown, 1 occluded, 2 visible), box and category.
        score: of the instance.
        scores: ``(K,)`` of the keypoints.
    """

    record: PoseRecord
    score: float
    scores: np.ndarray


def found_instances(
    result: "PoseResult", image: ImageInfo, score_thr: float | None = None
) -> list[FoundInstance]:
    """Choose what is shown of a prediction, by the rules of ``kpplugins dataset export``.

    Args:
        result: for one image.
        image: the image.
        score_thr: see ``predicted_content``.

    Returns:
        The instances that have a sure keypoint or a box in the image.
    """
    found = []
    for i in range(len(result)):
        category = result.categories[i] if result.categories is not None else result.schema.name
        points = np.column_stack([result.keypoints[i], result.scores[i]]).astype(np.float64)
        score = float(result.instance_scores[i])
        states = None if result.states is None else np.asarray(result.states[i])
        prediction = Prediction(
            points, np.asarray(result.boxes[i], np.float64), score, image.path, "", category, states
        )
        content = predicted_content(result.schema, [image], {image.path: [prediction]}, score_thr, origin="")
        found += [FoundInstance(record, score, points[:, 2]) for record in content.reading.records]
    return found


def categories_of(predictor: "Predictor") -> tuple[str, ...]:
    """Return the names that instances of a model have.

    Args:
        predictor: the model.

    Returns:
        Those of its detector or of the one-stage model, else that of the keypoint set.
    """
    return predictor.classes or (predictor.schema.name,)


def info_of(path: Path, array: np.ndarray) -> ImageInfo:
    """Describe a decoded image.

    Args:
        path: its file.
        array: (H, W, 3).

    Returns:
        Its path and size.
    """
    return ImageInfo(path, array.shape[1], array.shape[0])
