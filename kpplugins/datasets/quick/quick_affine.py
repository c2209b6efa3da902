"""``TopdownAffine``, which also flips."""

import cv2
import numpy as np
from mmpose.datasets.transforms import TopdownAffine
from mmpose.structures.bbox import get_udp_warp_matrix, get_warp_matrix

from kpplugins.datasets.transforms.image_affine import FLIP_CODES, FLIP_LATER

_TIE = 1 / 1024
"""OpenCV counts positions in 1024ths of a pixel and rounds them to 32nds, halves upwards. In the mirrored image they
would be rounded downwards; the smallest step to the left makes them agree."""


class QuickAffine:
    """MMPose's ``TopdownAffine``; a flip that ``QuickFlip`` left to it is a sign in the matrix of its warp.

    The flipped image is never made: its pixels are read where they are. The crop is the same, byte by byte, as of the
    flipped image; only if the box is rotated, too, about one value in 100,000 is read 1/32 of a pixel beside.

    Args:
        step: that is replaced.
    """

    def __init__(self, step: TopdownAffine) -> None:
        self.step, self.size = step, (int(step.input_size[0]), int(step.input_size[1]))
        self.matrix = get_udp_warp_matrix if step.use_udp else get_warp_matrix

    def __call__(self, sample: dict) -> dict:
        """Crop, and flip where that was left to this step."""
        direction = sample.pop(FLIP_LATER, None)
        if (
            isinstance(sample["img"], list)
            or len(sample["bbox_center"]) != 1
            or sample.get("keypoints") is None
        ):
            if direction is not None:
                sample["img"] = cv2.flip(sample["img"], FLIP_CODES[direction])
            return self.step.transform(sample)
        w, h = self.size
        sample["bbox_scale"] = scale = _fitted(sample["bbox_scale"], w / h)
        centre = sample["bbox_center"][0]
        turn = sample["bbox_rotation"][0] if "bbox_rotation" in sample else 0.0
        matrix = self.matrix(centre, scale[0], turn, output_size=self.size)
        sample["img"] = _warped(sample["img"], matrix, self.size, direction)
        before = sample.get("transformed_keypoints")
        moved = (sample["keypoints"] if before is None else before).copy()
        moved[..., :2] = cv2.transform(sample["keypoints"][..., :2], matrix)
        sample["transformed_keypoints"] = moved
        sample["input_size"] = (w, h)
        sample["input_center"], sample["input_scale"] = centre, scale[0]
        return sample


def _fitted(scale: np.ndarray, ratio: float) -> np.ndarray:
    """Enlarge a box, (1, 2) width and height, to width / height = ``ratio``."""
    w, h = scale[0]
    larger = h * ratio
    return np.array([[w, w / ratio] if w > larger else [larger, h]], scale.dtype)


def _warped(
    image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], direction: str | None
) -> np.ndarray:
    """Warp an image flipped in ``direction`` by ``matrix`` (2, 3)."""
    if direction is None:
        return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR)
    back = _inverse(matrix)
    height, width = image.shape[:2]
    for axis, length, straight in ((0, width, "vertical"), (1, height, "horizontal")):
        if direction != straight:
            back[axis] *= -1
            back[axis, 2] += length - 1 - _TIE
    return cv2.warpAffine(image, back, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """Invert an affine matrix (2, 3) in the order of operations in which OpenCV does it, for equal roundings."""
    a, b, c, d, e, f = matrix.ravel().tolist()
    determinant = a * e - b * d
    part = 1 / determinant if determinant else 0.0
    a, b, d, e = e * part, -b * part, -d * part, a * part
    return np.array([[a, b, -a * c - b * f], [d, e, -d * c - e * f]])
