"""A one-stage model, which finds boxes and keypoints at once, ready to predict on images."""

from typing import Any

import numpy as np

from kpplugins.inference.trained_model import ONE_STAGE, TrainedModel, kind_of, require_image
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError, PoseResult

BOX_THR = 0.3
"""Least score of an instance."""


class OneStagePredictor:
    """A trained one-stage model: finds all instances in an image, each with box, category, score and K keypoints.

    Args:
        trained: the model, from ``load_trained``.
        box_thr: instances whose box has a lower score are left out.

    Raises:
        BadInputError: the model is of another kind.
    """

    def __init__(self, trained: TrainedModel, box_thr: float = BOX_THR) -> None:
        if kind_of(trained.config) != ONE_STAGE:
            raise BadInputError(
                "not a one-stage model", where=trained.name,
                expected="one that finds boxes and keypoints in whole images",
            )  # fmt: skip
        self.trained = trained
        self.schema: KeypointSchema = trained.schema
        self.box_thr = box_thr

    def __call__(self, image: np.ndarray, boxes: np.ndarray | None = None) -> PoseResult:
        """Find all instances in an image.

        Args:
            image: (H, W, 3) BGR uint8.
            boxes: must be ``None``: the model finds the boxes itself.

        Returns:
            N instances in the image's pixels, in the model's order (the highest score first), with the ``boxes`` that
            it found.

        Raises:
            BadInputError: the array is not an image, boxes are given, or a predicted label has no name.
        """
        require_image(image)
        if boxes is not None:
            raise BadInputError(
                "a one-stage model does not take boxes", where="boxes", expected="None",
                todo="leave --bbox and --detector out, or give a top-down model",
            )  # fmt: skip
        sample = {
            "img": image,
            "img_path": "",
            "img_id": 0,
            "id": 0,
            "flip_indices": self.schema.flip_indices,
        }
        (output,) = self.trained([sample])
        return self._result(output.pred_instances)

    def follow(self, image: np.ndarray, before: PoseResult | None, search: bool = True) -> PoseResult:
        """Find all instances in the next frame of a video, independently of the frames before.

        Args:
            image: (H, W, 3) BGR uint8.
            before: not used.
            search: not used.

        Returns:
            See ``__call__``.
        """
        return self(image)

    def _result(self, found: Any) -> PoseResult:
        k, classes = self.schema.num_keypoints, self.trained.classes
        keypoints = np.asarray(found.keypoints, np.float64).reshape(-1, k, 2)
        scores = np.asarray(found.keypoint_scores, np.float64).reshape(-1, k)
        # models that group keypoints, such as DEKR, find neither boxes nor classes
        box_scores = np.asarray(found.get("bbox_scores", scores.mean(axis=1)), np.float64).reshape(-1)
        boxes = found.get("bboxes", np.concatenate([keypoints.min(axis=1), keypoints.max(axis=1)], axis=1))
        kept = box_scores >= self.box_thr
        labels = np.asarray(found.get("labels", np.zeros(len(keypoints))), np.int64).reshape(-1)[kept]
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(classes):
            raise BadInputError(
                "predicted label without a name", where="classes.json", expected=f"0 to {len(classes) - 1}",
                found=str(labels.max()),
            )  # fmt: skip
        return PoseResult(
            keypoints=keypoints[kept],
            scores=scores[kept],
            boxes=np.asarray(boxes, np.float64).reshape(-1, 4)[kept],
            names=self.schema.keypoints,
            box_scores=box_scores[kept],
            categories=tuple(classes[label] for label in labels),
        )
