"""A detector and a top-down model as one."""

from dataclasses import replace

import numpy as np

from kpplugins.inference.box_detector import BoxDetector
from kpplugins.inference.top_down_predictor import TopDownPredictor
from kpplugins.schema import KeypointSchema
from kpplugins.structures import PoseResult


class TwoStagePredictor:
    """All instances of an image: a detector finds N boxes, a top-down model the K points in each.

    Args:
        detector: for the boxes.
        predictor: for the points.
    """

    def __init__(self, detector: BoxDetector, predictor: TopDownPredictor) -> None:
        self.detector, self.predictor = detector, predictor
        self.schema: KeypointSchema = predictor.schema

    def __call__(self, image: np.ndarray, boxes: np.ndarray | None = None) -> PoseResult:
        """Find all instances.

        Args:
            image: (H, W, 3) BGR uint8.
            boxes: (N, 4) xyxy pixels to look into instead of the detector's.

        Returns:
            N instances, in the image's pixels, from high to low score of their boxes, which have their ``box_scores``
            and ``categories`` from the detector.

        Raises:
            BadInputError: an array that is no image, or boxes of another shape or without an area.
        """
        if boxes is not None:
            return self.predictor(image, boxes)
        found, scores, labels = self.detector(image)
        categories = tuple(self.detector.classes[label] for label in labels)
        return replace(self.predictor(image, found), box_scores=scores, categories=categories)

    def follow(self, image: np.ndarray, before: PoseResult | None, search: bool = True) -> PoseResult:
        """Find all instances in the next frame of a video: the detector looks at every frame, nothing is tracked."""
        return self(image)
