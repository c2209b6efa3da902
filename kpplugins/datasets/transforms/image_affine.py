"""A whole image, with everything in it, at the size that a model takes."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ImageAffine(BaseTransform):
    """Fits the image into ``input_size`` with its aspect kept (letterbox), and its N instances with it.

    Does what MMPose's ``BottomupResize`` does not: moves boxes and points along, shrinks without aliasing, and puts the
    middle of the image in the middle of the input to the pixel centre, so that a flip of the one is a flip of the
    other. What ``BottomupPoseEstimator`` finds in the input it maps back exactly. Nothing is cut or lost;
    ``raw_ann_info`` stays as it is, the truth for metrics.

    Required keys: ``img`` (H, W, 3). Changed keys: ``img`` (h, w, 3), ``img_shape`` (h, w); where they are there,
    ``bbox`` (N, 4) xyxy, ``keypoints`` (N, K, 2) and ``area`` (N,), in pixels of the input. Added keys: ``input_size``
    (w, h), ``input_center`` and ``input_scale`` (2,), with which MMPose maps back:
    point / input_size · input_scale + input_center - input_scale / 2.

    Args:
        input_size: (w, h) of the input in pixels; ``load_config`` takes it from the codec.
        pad_value: grey level around the image.
    """

    def __init__(self, input_size: tuple[int, int], pad_value: float = 0) -> None:
        super().__init__()
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.pad_value = pad_value

    def transform(self, results: dict) -> dict:
        """Move everything; see the class."""
        height, width = results["img"].shape[:2]
        fit = min(self.input_size[0] / width, self.input_size[1] / height)
        centre = np.array([width - 1, height - 1]) / 2
        shift, zoom, degrees = self.draw()
        scale, centre = fit * zoom, centre + shift * [width, height]
        size = np.array(self.input_size, float)
        turn = np.deg2rad(degrees)
        matrix = np.empty((2, 3))
        matrix[:, :2] = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        matrix[:, 2] = (size - 1) / 2 - matrix[:, :2] @ centre
        results["img"] = warped(results["img"], matrix, self.input_size, self.pad_value)
        results["img_shape"] = self.input_size[::-1]
        results["input_size"] = self.input_size
        results["input_center"], results["input_scale"] = centre + 0.5 / scale, size / scale
        if "keypoints" in results:
            points, boxes = results["keypoints"], results["bbox"]
            boxes = moved_boxes(boxes, matrix, turn, points, results["keypoints_visible"])
            results["bbox"] = boxes.astype(np.float32)
            results["keypoints"] = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
            results["area"] = (results["area"] * scale**2).astype(np.float32)
        return results

    def draw(self) -> tuple[np.ndarray, float, float]:
        """Shift of the image's middle as a fraction of its sides (2,), zoom, and turn in degrees: none."""
        return np.zeros(2), 1.0, 0.0


def warped(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], pad_value: float = 0) -> np.ndarray:
    """``image`` (H, W, 3) under an affine ``matrix`` (2, 3) that keeps angles, as (h, w, 3) of ``size`` (w, h).

    Interpolation looks at four pixels only: what becomes less than half as large is first brought down to whole
    averages, or thin lines would come and go.
    """
    shrink = int(1 / np.sqrt(abs(np.linalg.det(matrix[:, :2]))) + 1e-6)
    if shrink >= 2:
        height, width = image.shape[:2]
        small = max(1, round(width / shrink)), max(1, round(height / shrink))
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        ratio = np.array([width / small[0], height / small[1]])  # x = (x' + 0.5) · ratio - 0.5
        offset = matrix[:, :2] @ (0.5 * ratio - 0.5) + matrix[:, 2]
        matrix = np.column_stack([matrix[:, :2] * ratio, offset])
    return cv2.warpAffine(image, matrix, tuple(size), flags=cv2.INTER_LINEAR, borderValue=(pad_value,) * 3)


def moved_boxes(
    boxes: np.ndarray, matrix: np.ndarray, turn: float, points: np.ndarray, visible: np.ndarray
) -> np.ndarray:
    """Boxes (N, 4) xyxy after a transform that shifts, scales and turns.

    The box around a turned box is too large. As the thing in it seldom fills the corners, what is turned is the ellipse
    in the box (Kalra, Stoddart, Drummond: Towards Rotation Invariance in Object Detection, ICCV 2021); the result is
    the box around that and around the labelled points that the box held.

    Args:
        boxes: (N, 4).
        matrix: (2, 3), affine, of one scale and a turn.
        turn: in radians.
        points: (N, K, 2) before the transform.
        visible: (N, K); points of 0 do not count.
    """
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    part = np.array([[np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    reach = scale * np.sqrt(half**2 @ (part**2).T)
    centre = middle @ matrix[:, :2].T + matrix[:, 2]
    low, high = centre - reach, centre + reach
    if turn:
        held = (visible > 0) & ((points >= boxes[:, None, :2]) & (points <= boxes[:, None, 2:])).all(-1)
        moved = points @ matrix[:, :2].T + matrix[:, 2]
        low = np.minimum(low, np.where(held[..., None], moved, np.inf).min(1, initial=np.inf))
        high = np.maximum(high, np.where(held[..., None], moved, -np.inf).max(1, initial=-np.inf))
    return np.concatenate([low, high], axis=1)
