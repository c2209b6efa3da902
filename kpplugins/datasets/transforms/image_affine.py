"""Resizing a whole image, with its instances, to the input size of a model."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

FLIP_LATER = "_flip_later"
"""Key of the direction in which a step that warps the image still has to flip it."""
FLIP_CODES = {"horizontal": 1, "vertical": 0, "diagonal": -1}
"""OpenCV's numbers of the directions."""
_ROUNDING = 1e-6
REDUCED_FROM = "_reduced_from"
"""Key of the size (h, w) of the whole image, of which ``img`` is a reduced copy."""


@TRANSFORMS.register_module()
class ImageAffine(BaseTransform):
    """Fits the image, with its N instances, into ``input_size`` and keeps its proportions (letterbox).

    Unlike MMPose's ``BottomupResize`` it also moves boxes and keypoints, shrinks without aliasing, and aligns the
    middle of the image exactly with the middle of the input, so that flipping one flips the other.
    ``BottomupPoseEstimator`` maps predictions back exactly. Nothing is cropped; ``raw_ann_info``, the truth for
    metrics, stays as it is.

    Required keys: ``img`` (H, W, 3). Changed keys: ``img`` (h, w, 3), ``img_shape`` (h, w); where they are there,
    ``bbox`` (N, 4) xyxy, ``keypoints`` (N, K, 2) and ``area`` (N,), in pixels of the input. Added keys: ``input_size``
    (w, h), ``input_center`` and ``input_scale`` (2,), with which MMPose maps back:
    point / input_size · input_scale + input_center - input_scale / 2.

    Args:
        input_size: (w, h) of the input in pixels; ``load_config`` takes it from the codec.
        pad_value: grey level of the padding.
    """

    def __init__(self, input_size: tuple[int, int], pad_value: float = 0) -> None:
        super().__init__()
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.pad_value = pad_value

    def transform(self, results: dict) -> dict:
        """Transform the image and its instances; see the class."""
        height, width = whole = results.pop(REDUCED_FROM, None) or results["img"].shape[:2]
        flip = results.pop(FLIP_LATER, None)
        fit = min(self.input_size[0] / width, self.input_size[1] / height)
        centre = np.array([width - 1, height - 1]) / 2
        shift, zoom, degrees = self.draw()
        scale, centre = fit * zoom, centre + shift * [width, height]
        size = np.array(self.input_size, float)
        turn = np.deg2rad(degrees)
        matrix = np.empty((2, 3))
        matrix[:, :2] = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        matrix[:, 2] = (size - 1) / 2 - matrix[:, :2] @ centre
        results["img"] = warped(results["img"], matrix, self.input_size, self.pad_value, whole, flip)
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
        """Return the shift of the image's middle as a fraction of its sides (2,), zoom, and rotation in degrees."""
        return np.zeros(2), 1.0, 0.0

    def least_shrink(self, width: int, height: int) -> int:
        """Return by which whole number an image is reduced in any case before it is warped; 1 if it may not be."""
        fit = min(self.input_size[0] / width, self.input_size[1] / height)
        return max(1, int(1 / (fit * self.largest_zoom()) + _ROUNDING))

    def largest_zoom(self) -> float:
        """Return the largest zoom that is ever drawn."""
        return 1.0


def reduced(image: np.ndarray, shrink: int, whole: tuple[int, int] | None = None) -> np.ndarray:
    """Average an image over squares of ``shrink`` pixels.

    Args:
        image: (H, W, 3), perhaps reduced by less already.
        shrink: 1 or more.
        whole: (h, w) of the whole image; ``None`` if ``image`` is whole.

    Returns:
        (h, w, 3), the size of the whole image over ``shrink``, rounded.
    """
    height, width = whole or image.shape[:2]
    small = max(1, round(width / shrink)), max(1, round(height / shrink))
    return image if small == image.shape[1::-1] else cv2.resize(image, small, interpolation=cv2.INTER_AREA)


def warped(
    image: np.ndarray,
    matrix: np.ndarray,
    size: tuple[int, int],
    pad_value: float = 0,
    whole: tuple[int, int] | None = None,
    flip: str | None = None,
) -> np.ndarray:
    """Warp an image by an affine transform that keeps angles, without aliasing.

    Interpolation reads only four pixels, so an image that shrinks to half or less is first averaged over whole pixels;
    otherwise thin lines would flicker.

    Args:
        image: (H, W, 3).
        matrix: (2, 3), from pixels of the whole image, flipped, to those of the result, (x, y).
        size: (w, h) of the result.
        pad_value: grey level outside the image.
        whole: (h, w) of the whole image where ``image`` is ``reduced``, by no more than ``matrix`` does.
        flip: direction in which the image is to be flipped before.

    Returns:
        (h, w, 3).
    """
    height, width = whole or image.shape[:2]
    shrink = int(1 / np.sqrt(abs(np.linalg.det(matrix[:, :2]))) + _ROUNDING)
    if shrink >= 2:
        image = reduced(image, shrink, whole)
        ratio = np.array([width / image.shape[1], height / image.shape[0]])  # x = (x' + 0.5) · ratio - 0.5
        offset = matrix[:, :2] @ (0.5 * ratio - 0.5) + matrix[:, 2]
        matrix = np.column_stack([matrix[:, :2] * ratio, offset])
    if flip is not None:
        image = cv2.flip(image, FLIP_CODES[flip])
    return cv2.warpAffine(image, matrix, tuple(size), flags=cv2.INTER_LINEAR, borderValue=(pad_value,) * 3)


def moved_boxes(
    boxes: np.ndarray, matrix: np.ndarray, turn: float, points: np.ndarray, visible: np.ndarray
) -> np.ndarray:
    """Transform boxes by a shift, a scale and a rotation.

    The box around a rotated box is too large. As an instance rarely fills the corners of its box, the ellipse inscribed
    in the box is rotated instead (Kalra, Stoddart, Drummond: Towards Rotation Invariance in Object Detection, ICCV
    2021); the result encloses the ellipse and the labelled keypoints that were inside the box.

    Args:
        boxes: (N, 4) xyxy, pixels.
        matrix: (2, 3), affine, of one scale and a rotation.
        turn: the rotation in radians.
        points: (N, K, 2) keypoints before the transform.
        visible: (N, K); 0 is absent.

    Returns:
        (N, 4) xyxy.
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
