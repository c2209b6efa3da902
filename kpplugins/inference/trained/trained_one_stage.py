"""A trained one-stage model as a ``PoseModel``."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kpplugins.evaluation.visibility import head_visibility
from kpplugins.inference.names_of import names_of
from kpplugins.inference.pose_result import PoseResult
from kpplugins.inference.seen import seen
from kpplugins.inference.trained.trained_model import TrainedModel
from kpplugins.inference.unsure import unsure
from kpplugins.structures.model_kind import ONE_STAGE


class TrainedOneStage:
    """A one-stage model in PyTorch: finds all instances in an image, each with box, category, score and K keypoints.

    Args:
        trained: the model, from ``load_trained``.
    """

    kind = ONE_STAGE

    def __init__(self, trained: TrainedModel) -> None:
        self.trained = trained
        self.name, self.schema, self.pixels = trained.name, trained.schema, trained.pixels
        self.classes, self.layout, self.visibility = trained.classes, trained.layout, trained.visibility
        self.uncertainty = trained.uncertainty

    def prepare(self, image: np.ndarray, box: np.ndarray | None = None) -> dict:
        """Bring the whole image to the network's size, as the test pipeline does.

        Args:
            image: (H, W, 3) BGR uint8.
            box: must be ``None``.

        Returns:
            The network's input.
        """
        sample = {
            "img": image,
            "img_path": "",
            "img_id": 0,
            "id": 0,
            "flip_indices": self.schema.flip_indices,
        }
        return dict(self.trained.pipeline(sample))

    def run(self, units: Sequence[dict], quick: bool = False) -> list[PoseResult]:
        """Find all instances in each of the images.

        Args:
            units: from ``prepare``.
            quick: not used: nothing is searched with a one-stage model.

        Returns:
            One result for each, in the model's order (the highest score first), with the boxes that it found.

        Raises:
            BadInputError: a prediction is NaN or infinite, or a predicted label has no name.
        """
        return [self._result(output.pred_instances) for output in self.trained.predict(units)]

    def _result(self, found: Any) -> PoseResult:
        k = self.schema.num_keypoints
        keypoints = np.asarray(found.keypoints, np.float64).reshape(-1, k, 2)
        scores = np.asarray(found.keypoint_scores, np.float64).reshape(-1, k)
        # models that group keypoints, such as DEKR, find neither boxes nor classes
        box_scores = np.asarray(found.get("bbox_scores", scores.mean(axis=1)), np.float64).reshape(-1)
        boxes = found.get("bboxes", np.concatenate([keypoints.min(axis=1), keypoints.max(axis=1)], axis=1))
        labels = np.asarray(found.get("labels", np.zeros(len(keypoints))), np.int64).reshape(-1)
        boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
        return PoseResult(
            keypoints=keypoints,
            scores=scores,
            boxes=boxes,
            schema=self.schema,
            box_scores=box_scores,
            categories=names_of(labels, self.classes),
            **seen(self.visibility, scores, head_visibility(found)),
            **unsure(self.uncertainty, scores, boxes),
        )
