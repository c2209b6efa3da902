"""The albumentations that MMPose's configs use, without the package."""

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from mmpose.datasets.transforms import Albumentation as MMPoseAlbumentation
from mmpose.registry import TRANSFORMS

from kpplugins.structures import BadInputError


@TRANSFORMS.register_module(name="Albumentation", force=True)
class Albumentation(MMPoseAlbumentation):
    """MMPose's step of this name, without the albumentations package where possible.

    136 of MMPose's configs use ``Blur``, ``MedianBlur`` and ``CoarseDropout`` with arguments of albumentations 1.x that
    later versions reject. These three are implemented here with OpenCV; any other transform needs the package.

    Required and modified key: ``img`` (H, W, C) uint8.

    Args:
        transforms: dicts with ``type``, its arguments, and ``p``, its probability.
        keymap: see MMPose; only for the package.

    Raises:
        BadInputError: a transform of the package, which is not installed.
    """

    def __init__(self, transforms: list[dict], keymap: dict | None = None) -> None:
        if all(t.get("type") in _OWN for t in transforms) and not keymap:
            self.transforms, self.keymap_to_albu = transforms, {"img": "image"}
            self.aug: Callable[..., dict] = self._apply
            return
        try:
            super().__init__(transforms, keymap)
        except RuntimeError as error:
            others = [str(t.get("type")) for t in transforms if t.get("type") not in _OWN]
            raise BadInputError(
                "a step needs albumentations, which is not installed", where="Albumentation",
                expected=f"some of {', '.join(_OWN)}", found=", ".join(others), todo="pip install albumentations",
            ) from error  # fmt: skip

    def _apply(self, image: np.ndarray) -> dict:
        for cfg in self.transforms:
            arguments = {k: v for k, v in cfg.items() if k not in ("type", "p")}
            if np.random.random() < cfg.get("p", 0.5):
                image = _OWN[cfg["type"]](image, **arguments)
        return {"image": image}


def _side(blur_limit: int | Sequence[int]) -> int:
    """Draw an odd kernel size, from 3 or the lower limit to the upper one."""
    low, high = (3, blur_limit) if isinstance(blur_limit, int) else blur_limit
    return int(np.random.choice(np.arange(low | 1, high + 1, 2)))


def _blur(image: np.ndarray, blur_limit: int | Sequence[int] = 7) -> np.ndarray:
    side = _side(blur_limit)
    return cv2.blur(image, (side, side))


def _median_blur(image: np.ndarray, blur_limit: int | Sequence[int] = 7) -> np.ndarray:
    return cv2.medianBlur(np.ascontiguousarray(image), _side(blur_limit))


def _coarse_dropout(
    image: np.ndarray,
    max_holes: int = 8,
    max_height: float = 8,
    max_width: float = 8,
    min_holes: int | None = None,
    min_height: float | None = None,
    min_width: float | None = None,
    fill_value: Any = 0,
) -> np.ndarray:
    """Fill rectangles within the image; sides are pixels, or fractions of the image's where they are floats."""
    image = image.copy()
    height, width = image.shape[:2]
    for _ in range(np.random.randint(max_holes if min_holes is None else min_holes, max_holes + 1)):
        h = _length(max_height if min_height is None else min_height, max_height, height)
        w = _length(max_width if min_width is None else min_width, max_width, width)
        y, x = np.random.randint(0, height - h + 1), np.random.randint(0, width - w + 1)
        image[y : y + h, x : x + w] = fill_value
    return image


def _length(low: float, high: float, whole: int) -> int:
    if isinstance(high, float):
        return int(whole * np.random.uniform(low, high))
    return int(min(np.random.randint(int(low), int(high) + 1), whole))


_OWN: dict[str, Callable[..., np.ndarray]] = {
    "Blur": _blur, "MedianBlur": _median_blur, "CoarseDropout": _coarse_dropout,
}  # fmt: skip
