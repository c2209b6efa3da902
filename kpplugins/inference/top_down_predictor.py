"""A top-down model, which finds keypoints in boxes, ready to predict on images."""

import numpy as np

from kpplugins.inference.trained_model import TOP_DOWN, TrainedModel, kind_of, require_image
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError, PoseResult
from kpplugins.structures.geometry import box_from_points, clip_box

REFINE_MARGIN = 0.1
"""Growth on each side of the box around the found keypoints, if the run has no record of how boxes enclose them."""
WINDOW_SHARES = (1.0, 0.7, 0.5, 0.35)
"""Sides of the square windows that are searched, as fractions of the image's shorter side; neighbours overlap by
half. The first stands for the whole image."""
BATCH = 32
"""Boxes that go through the network at once."""
SURE = 0.5
"""Least score of the keypoints that a new box is fitted to, as a fraction of the best keypoint's score."""
LOST = 0.3
"""Mean score below which an instance counts as lost and the whole frame is searched again."""


class TopDownPredictor:
    """A trained top-down model that finds keypoints in images.

    A top-down model predicts inside a box. Without a given one, it searches windows of several sizes
    (``WINDOW_SHARES``) and takes the keypoints of the window with the highest mean score; ``refine`` times, it fits a
    tighter box to the keypoints and predicts again inside it. This finds one instance per image; pass boxes for more.
    In a video, ``follow`` starts from the keypoints of the previous frame and searches only when they are lost.

    Args:
        trained: the model, from ``load_trained``.
        refine: how often the box is fitted to the keypoints again, if no box is given.

    Raises:
        BadInputError: the model is of another kind.
    """

    def __init__(self, trained: TrainedModel, refine: int = 2) -> None:
        if kind_of(trained.config) != TOP_DOWN:
            raise BadInputError(
                "not a top-down model", where=trained.name, expected="one that finds keypoints in boxes",
                todo="kpplugins.inference.predictor.Predictor takes any",
            )  # fmt: skip
        self.trained, self.layout, self.refine = trained, trained.layout, refine
        self.schema: KeypointSchema = trained.schema

    def __call__(self, image: np.ndarray, boxes: np.ndarray | None = None) -> PoseResult:
        """Find keypoints in an image.

        Args:
            image: (H, W, 3) BGR uint8.
            boxes: (N, 4) xyxy in pixels; ``None`` searches the whole image for one instance.

        Returns:
            N instances, in the image's pixels.

        Raises:
            BadInputError: the image or the boxes have another shape, or a box has no area.
        """
        require_image(image)
        if boxes is not None:
            return self._at(image, _checked(boxes))
        height, width = image.shape[:2]
        windows = self._at(image, search_windows(width, height))
        best = int(windows.scores.mean(axis=1).argmax())
        result = _only(windows, best)
        for _ in range(self.refine):
            result = self._again(image, result)
        return result

    def follow(self, image: np.ndarray, before: PoseResult | None, search: bool = True) -> PoseResult:
        """Find keypoints in the next frame of a video: where they were before, or anywhere if they are lost.

        Args:
            image: (H, W, 3) BGR uint8.
            before: the result for the frame before; ``None`` for the first frame.
            search: search the whole image where the keypoints are lost, which takes many times as long.

        Returns:
            The instances, in the image's pixels.
        """
        if before is not None and len(before.scores) and before.scores.mean() >= LOST:
            result = self._again(image, before)
            if result.scores.mean() >= LOST or not search:
                return result
        return self(image) if search or before is None else self._at(image, before.boxes)

    def _again(self, image: np.ndarray, before: PoseResult) -> PoseResult:
        """Find keypoints in the box around the keypoints ``before``."""
        points, scores = before.keypoints[0], before.scores[0]
        sure = scores >= SURE * scores.max()
        if self.layout is not None:
            box = self.layout.box_around(points, sure)
        else:
            box = box_from_points(points, sure, REFINE_MARGIN)
        if box is None:
            return before
        box = clip_box(box, image.shape[1], image.shape[0])
        return self._at(image, box[None]) if min(box[2:] - box[:2]) >= 2 else before

    def _at(self, image: np.ndarray, boxes: np.ndarray) -> PoseResult:
        """Find keypoints in each of the boxes (N, 4) xyxy, a batch at a time."""
        outputs = []
        for i in range(0, len(boxes), BATCH):
            outputs += self.trained([sample_of(image, box, self.schema) for box in boxes[i : i + BATCH]])
        k = self.schema.num_keypoints
        points = [o.pred_instances.keypoints for o in outputs] or [np.zeros((0, k, 2))]
        scores = [o.pred_instances.keypoint_scores for o in outputs] or [np.zeros((0, k))]
        return PoseResult(
            keypoints=np.concatenate(points).astype(np.float64),
            scores=np.concatenate(scores).astype(np.float64),
            boxes=boxes,
            names=self.schema.keypoints,
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
        "bbox": box[None].astype(np.float32),
        "bbox_score": np.ones(1, np.float32),
        "flip_indices": schema.flip_indices,
        "flip_pairs": [],
    }


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


def _only(result: PoseResult, i: int) -> PoseResult:
    return PoseResult(
        result.keypoints[i : i + 1], result.scores[i : i + 1], result.boxes[i : i + 1], result.names
    )


def _checked(boxes: np.ndarray) -> np.ndarray:
    boxes = np.asarray(boxes, float).reshape(-1, 4) if np.size(boxes) % 4 == 0 else np.asarray(boxes, float)
    if boxes.ndim != 2 or not np.isfinite(boxes).all() or (boxes[:, 2:] <= boxes[:, :2]).any():
        raise BadInputError(
            "boxes must be (N, 4) xyxy with x2 > x1 and y2 > y1", where="boxes", found=str(boxes.tolist())
        )
    return boxes
