"""Find one instance with a top-down model where no box is known."""

from collections.abc import Sequence

import numpy as np

from kpplugins.inference.pose_model import PoseModel
from kpplugins.inference.pose_result import PoseResult
from kpplugins.structures.geometry import box_from_points, clip_box

REFINE_MARGIN = 0.1
"""Growth on each side of the box around the found keypoints, if the run has no record of how boxes enclose them."""
WINDOW_SHARES = (1.0, 0.7, 0.5, 0.35)
"""Sides of the square windows that are searched, as fractions of the image's shorter side; neighbours overlap by
half. The first stands for the whole image."""
SURE = 0.5
"""Least score of the keypoints that a new box is fitted to, as a fraction of the best keypoint's score."""
LOST = 0.3
"""Mean score below which an instance counts as lost and the whole frame is searched again."""


class InstanceSearch:
    """Searches an image for one instance, and follows it from frame to frame of a video.

    It predicts in windows of several sizes (``WINDOW_SHARES``) and takes the keypoints of the window with the highest
    mean score; ``refine`` times, it fits a tighter box to the keypoints and predicts again inside it.

    Args:
        model: a top-down model.
        refine: how often the box is fitted to the keypoints again.
        batch_size: boxes that go through the network at once.
    """

    def __init__(self, model: PoseModel, refine: int = 2, batch_size: int = 32) -> None:
        self.model, self.refine, self.batch_size = model, refine, batch_size

    def __call__(self, image: np.ndarray) -> PoseResult:
        """Search a whole image.

        Args:
            image: (H, W, 3) BGR uint8.

        Returns:
            One instance, in the image's pixels.
        """
        height, width = image.shape[:2]
        windows = self.at(image, search_windows(width, height))
        result = windows.chosen([int(windows.scores.mean(axis=1).argmax())])
        for _ in range(self.refine):
            result = self._again(image, result)
        return result

    def follow(self, image: np.ndarray, before: PoseResult | None, search: bool = True) -> PoseResult:
        """Find the instance in the next frame of a video: where it was before, or anywhere if it is lost.

        Args:
            image: (H, W, 3) BGR uint8.
            before: the result for the frame before; ``None`` for the first frame.
            search: search the whole image where the keypoints are lost, which takes many times as long.

        Returns:
            One instance, in the image's pixels.
        """
        if before is not None and len(before) and before.scores.mean() >= LOST:
            result = self._again(image, before)
            if result.scores.mean() >= LOST or not search:
                return result
        return self(image) if search or before is None else self.at(image, before.boxes)

    def at(self, image: np.ndarray, boxes: np.ndarray) -> PoseResult:
        """Find keypoints in boxes.

        Args:
            image: (H, W, 3) BGR uint8.
            boxes: (N, 4) xyxy in pixels.

        Returns:
            N instances.
        """
        units = [self.model.prepare(image, box) for box in boxes]
        return PoseResult.joined(in_batches(self.model, units, self.batch_size), self.model.schema)

    def _again(self, image: np.ndarray, before: PoseResult) -> PoseResult:
        """Find keypoints in the box around the keypoints ``before``."""
        points, scores = before.keypoints[0], before.scores[0]
        sure = scores >= SURE * scores.max()
        if self.model.layout is not None:
            box = self.model.layout.box_around(points, sure)
        else:
            box = box_from_points(points, sure, REFINE_MARGIN)
        if box is None:
            return before
        box = clip_box(box, image.shape[1], image.shape[0])
        return self.at(image, box[None]) if min(box[2:] - box[:2]) >= 2 else before


def in_batches(model: PoseModel, units: Sequence[object], batch_size: int) -> list[PoseResult]:
    """Predict on units, a batch at a time.

    Args:
        model: the model.
        units: from its ``prepare``.
        batch_size: the most that go through the network at once.

    Returns:
        One result for each.
    """
    return [
        result for i in range(0, len(units), batch_size) for result in model.run(units[i : i + batch_size])
    ]


def search_windows(width: int, height: int) -> np.ndarray:
    """Return the boxes that are searched in an image of unknown content.

    Args:
        width: of the image, in pixels.
        height: of the image, in pixels.

    Returns:
        (N, 4) xyxy in pixels, the whole image first.
    """
    boxes = [(0.0, 0.0, width - 1.0, height - 1.0)]
    for share in WINDOW_SHARES[1:]:
        side = share * min(width, height)
        for y in np.linspace(0, height - side, max(1, round(2 * (height / side - 1))) + 1):
            for x in np.linspace(0, width - side, max(1, round(2 * (width / side - 1))) + 1):
                boxes.append((float(x), float(y), float(x + side - 1), float(y + side - 1)))
    return np.array(boxes)
