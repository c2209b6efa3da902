"""A trained top-down model as a ``PoseModel``."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kpplugins.evaluation.visibility import head_visibility
from kpplugins.inference.pose_result import PoseResult
from kpplugins.inference.seen import seen
from kpplugins.inference.trained.trained_model import TrainedModel
from kpplugins.inference.unsure import unsure
from kpplugins.schema import KeypointSchema
from kpplugins.structures.model_kind import TOP_DOWN


class TrainedTopDown:
    """A top-down model in PyTorch: finds the K keypoints of the instance in a box.

    Args:
        trained: the model, from ``load_trained``.
    """

    kind = TOP_DOWN

    def __init__(self, trained: TrainedModel) -> None:
        self.trained = trained
        self.name, self.schema, self.pixels = trained.name, trained.schema, trained.pixels
        self.classes, self.layout, self.visibility = trained.classes, trained.layout, trained.visibility
        self.uncertainty = trained.uncertainty

    def prepare(self, image: np.ndarray, box: np.ndarray | None = None) -> tuple[np.ndarray, dict]:
        """Cut the box out of the image, as the test pipeline does.

        Args:
            image: (H, W, 3) BGR uint8.
            box: (4,) xyxy in pixels.

        Returns:
            The box, and the network's input.
        """
        assert box is not None  # the predictor gives a top-down model boxes
        return np.asarray(box, np.float64), self.trained.pipeline(sample_of(image, box, self.schema))

    def run(self, units: Sequence[tuple[np.ndarray, dict]], quick: bool = False) -> list[PoseResult]:
        """Find the keypoints in each of the boxes.

        Args:
            units: from ``prepare``.
            quick: without the flip test.

        Returns:
            One result for each, with one instance.

        Raises:
            BadInputError: a prediction is NaN or infinite.
        """
        outputs = self.trained.predict([packed for _, packed in units], quick)
        return [
            self._result(box, output.pred_instances) for (box, _), output in zip(units, outputs, strict=True)
        ]

    def _result(self, box: np.ndarray, found: Any) -> PoseResult:
        scores = np.asarray(found.keypoint_scores, np.float64)
        return PoseResult(
            keypoints=np.asarray(found.keypoints, np.float64),
            scores=scores,
            boxes=box[None],
            schema=self.schema,
            **seen(self.visibility, scores, head_visibility(found)),
            **unsure(self.uncertainty, scores, box[None]),
        )


def sample_of(image: np.ndarray, box: np.ndarray, schema: KeypointSchema) -> dict:
    """Return the sample that a top-down model's test pipeline takes.

    Args:
        image: (H, W, 3) BGR uint8.
        box: (4,) xyxy in pixels to predict in.
        schema: the model's keypoints.

    Returns:
        The sample, a dict as MMPose's datasets give it.
    """
    return {
        "img": image,
        "img_path": "",
        "bbox": np.asarray(box, np.float32)[None],
        "bbox_score": np.ones(1, np.float32),
        "flip_indices": schema.flip_indices,
        "flip_pairs": [],
    }
