"""Find one instance with a top-down model where no box is known."""

from collections.abc import Iterator, Sequence

import numpy as np

from kpplugins.inference.pose_model import PoseModel
from kpplugins.inference.pose_result import PoseResult
from kpplugins.structures.geometry import box_from_points, clip_box

REFINE_MARGIN = 0.1
"""Growth on each side of the box around the found keypoints, if the run has no record of how boxes enclose them."""
WINDOW_SHARES = (0.7, 0.5, 0.35)
"""Sides of the square windows that are searched, as fractions of the image's shorter side, one after the other;
neighbours overlap by half. Before them comes the whole image."""
FOUND = 0.4
"""Mean score of the keypoints from which on no smaller windows are searched."""
SURE = 0.5
"""Least score of the keypoints that a new box is fitted to, as a fraction of the best keypoint's score."""
LOST = 0.3
"""Mean score below which an instance counts as lost and the whole frame is searched again."""


class InstanceSearch:
    """Searches an image for one instance, and follows it from frame to frame of a video.

    It predicts in the whole image, then in windows of several sizes (``WINDOW_SHARES``), until an instance is found
    (``FOUND``): of each size, it takes the keypoints of the window with the highest mean score, fits a box to them and
    predicts again inside it. All this is done without flip test; in the box of the best keypoints, it predicts once
    more as the run does. An instance that fills much of the image takes about as long as five boxes, a small one, or
    none, ten times as long.

    Args:
        model: a top-down model.
        batch_size: boxes that go through the network at once.
    """

    def __init__(self, model: PoseModel, batch_size: int = 32) -> None:
        self.model, self.batch_size = model, batch_size

    def __call__(self, image: np.ndarray) -> PoseResult:
        """Search a whole image.

        Args:
            image: (H, W, 3) BGR uint8.

        Returns:
            One instance, in the image's pixels.
        """
        best: PoseResult | None = None
        for windows in search_windows(image.shape[1], image.shape[0]):
            found = self.at(image, windows, quick=True)
            found = found.chosen([int(found.scores.mean(axis=1).argmax())])
            closer = self._again(image, found, quick=True)
            found = closer if closer.scores.mean() > found.scores.mean() else found
            if best is None or found.scores.mean() > best.scores.mean():
                best = found
            if best.scores.mean() >= FOUND:
                break
        assert best is not None  # there are windows in every image
        return self._again(image, best)

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

    def at(self, image: np.ndarray, boxes: np.ndarray, quick: bool = False) -> PoseResult:
        """Find keypoints in boxes.

        Args:
            image: (H, W, 3) BGR uint8.
            boxes: (N, 4) xyxy in pixels.
            quick: without flip test.

        Returns:
            N instances.
        """
        units = [self.model.prepare(image, box) for box in boxes]
        return PoseResult.joined(in_batches(self.model, units, self.batch_size, quick), self.model.schema)

    def _again(self, image: np.ndarray, before: PoseResult, quick: bool = False) -> PoseResult:
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
        return self.at(image, box[None], quick) if min(box[2:] - box[:2]) >= 2 else before


def in_batches(
    model: PoseModel, units: Sequence[object], batch_size: int, quick: bool = False
) -> list[PoseResult]:
    """Predict on units, a batch at a time.

    Args:
        model: the model.
        units: from its ``prepare``.
        batch_size: the most that go through the network at once.
        quick: without flip test.

    Returns:
        One result for each.
    """
    batches = (units[i : i + batch_size] for i in range(0, len(units), batch_size))
    return [result for batch in batches for result in model.run(batch, quick)]


def search_windows(width: int, height: int) -> Iterator[np.ndarray]:
    """Yield the boxes that are searched in an image of unknown content, from the largest to the smallest.

    Args:
        width: of the image, in pixels.
        height: of the image, in pixels.

    Yields:
        (N, 4) xyxy in pixels of one size, the whole image first.
    """
    yield np.array([(0.0, 0.0, width - 1.0, height - 1.0)])
    for share in WINDOW_SHARES:
        side = share * min(width, height)
        xs, ys = (np.linspace(0, n - side, max(1, round(2 * (n / side - 1))) + 1) for n in (width, height))
        low = np.array([(x, y) for y in ys for x in xs])
        yield np.concatenate([low, low + side - 1], axis=1)
