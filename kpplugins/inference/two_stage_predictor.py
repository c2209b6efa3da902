"""A detector and a top-down model combined."""

from dataclasses import replace

import numpy as np

from kpplugins.inference.box_detector import BoxDetector
from kpplugins.inference.top_down_predictor import TopDownPredictor
from kpplugins.schema import KeypointSchema
from kpplugins.structures import PoseResult


class TwoStagePredictor:
    """Finds all instances in an image: a detector finds N boxes, a top-down model the K keypoints in each.

    Args:
        detector: finds the boxes.
        predictor: finds the keypoints.
    """

    def __init__(self, detector: BoxDetector, predictor: TopDownPredictor) -> None:
        self.detector, self.predictor = detector, predictor
        self.schema: KeypointSchema = predictor.schema

    def __call__(self, image: np.ndarray, boxes: np.ndarray | None = None) -> PoseResult:
        """Find all instances in an image.

        Args:
            image: (H, W, 3) BGR uint8.
            boxes: (N, 4) xyxy in pixels to predict in, instead of the detector's.

        Returns:
            N instances in the image's pixels, the highest box score first, with the detector's ``box_scores`` and
            ``categories``; in the order of ``boxes`` and without these two where boxes are given.

        Raises:
            BadInputError: the array is not an image, or the boxes have another shape or no area.
        """
        if boxes is not None:
            return self.predictor(image, boxes)
        found, scores, labels = self.detector(image)
        categories = tuple(self.detector.classes[label] for label in labels)
        return replace(self.predictor(image, found), box_scores=scores, categories=categories)

    def follow(self, image: np.ndarray, before: PoseResult | None, search: bool = True) -> PoseResult:
        """Find all instances in the next frame of a video; the detector runs on every frame, without tracking.

        Args:
            image: (H, W, 3) BGR uint8.
            before: not used.
            search: not used.

        Returns:
            See ``__call__``.
        """
        return self(image)
