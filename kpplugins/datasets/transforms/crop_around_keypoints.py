"""Cropping the network's input out of a small image, around the keypoints."""

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from kpplugins.codecs.circle_maps import pixels_of, resized_crop
from kpplugins.structures import BadInputError

PLACES = ("keypoints", "box")


@TRANSFORMS.register_module()
class CropAroundKeypoints(BaseTransform):
    """Resizes the image to 128×128, crops it around the keypoints and resizes the crop to 64×64: the CAT recipe.

    The recipe (github.com/SaraFattouh/Keypoint-Detection) uses the labelled keypoints for every crop, even in its test
    set. Samples of a dataset are cropped likewise, with ``around='keypoints'``; a sample without keypoints, as in a
    demo, is cropped to its ``bbox``, which should then enclose the keypoints as the crops do (``box_of``). The crop is
    limited to the image.

    Both steps stretch each axis by itself: to 128×128 whatever the proportions of the image, to 64×64 whatever those of
    the crop. The script that the recipe names for its first step keeps the proportions and adds black bars; so does
    ``keep_aspect``.

    Replaces ``GetBBoxCenterScale`` and ``TopdownAffine``. MMPose maps predictions back by ``input_center`` and
    ``input_scale``; the scale may differ by axis, as it does here. Rotations are not supported.

    Required keys: ``img`` (H, W, 3); ``keypoints`` (1, K, 2) and ``keypoints_visible`` (1, K), or ``bbox`` (1, 4) xyxy.

    Added or changed keys: ``img`` (h, w, 3); ``transformed_keypoints`` (1, K, 2) in input pixels; ``crop_box`` (4,)
    int, x1, y1, x2, y2 in canvas pixels, x2 and y2 the first outside, used by ``CircleHeatmap``; ``input_size``,
    ``input_center``, ``input_scale``.

    Args:
        input_size: (w, h) of the result, in pixels.
        canvas_size: (w, h) that the whole image is resized to, in pixels.
        margin: added around the keypoints on each side, in canvas pixels.
        around: ``keypoints``, or ``box`` to crop to the box even if the keypoints are known.
        jitter: most canvas pixels by which each side of the crop is moved at random. With the recipe's 0 the crop
            reveals where the outermost keypoints are, and a network may learn to rely on that.
        keep_aspect: add black bars in the first step instead of stretching.
        use_udp: for ``UDPHeatmap``, which measures from the first pixel to the last one.

    Raises:
        BadInputError: an invalid argument.
    """

    def __init__(
        self,
        input_size: tuple[int, int] = (64, 64),
        canvas_size: tuple[int, int] = (128, 128),
        margin: int = 20,
        around: str = "keypoints",
        jitter: int = 0,
        keep_aspect: bool = False,
        use_udp: bool = False,
    ) -> None:
        if around not in PLACES:
            raise _wrong("around", " or ".join(PLACES), around)
        for name, value, least in (("margin", margin, 1), ("jitter", jitter, 0)):
            if not isinstance(value, int) or value < least:
                raise _wrong(name, f"a whole number ≥ {least}", value)
        for name, size in (("input_size", input_size), ("canvas_size", canvas_size)):
            if len(size) != 2 or min(size) < 2:
                raise _wrong(name, "(width, height), at least 2 each", size)
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.canvas_size = (int(canvas_size[0]), int(canvas_size[1]))
        self.margin, self.around, self.jitter = margin, around, jitter
        self.keep_aspect, self.use_udp = keep_aspect, use_udp

    def transform(self, results: dict) -> dict:
        """Replace the image by its crop."""
        image = results["img"]
        height, width = image.shape[:2]
        size, offset = self._placed(width, height)
        scale = size / [width, height]
        box = self._jittered(self._cut(results, scale, offset))
        canvas = cv2.resize(image, (int(size[0]), int(size[1])))
        if self.keep_aspect:
            left, top = (int(v) for v in offset)
            right, bottom = (int(v) for v in self.canvas_size - size - offset)
            canvas = cv2.copyMakeBorder(canvas, top, bottom, left, right, cv2.BORDER_CONSTANT)
        results["img"] = resized_crop(canvas, box, self.input_size)
        results["crop_box"] = box
        zoom = np.array(self.input_size) / (box[2:] - box[:2])
        if results.get("keypoints") is not None:
            on_canvas = (results["keypoints"][..., :2].astype(np.float64) + 0.5) * scale + offset
            results["transformed_keypoints"] = ((on_canvas - box[:2]) * zoom - 0.5).astype(np.float32)
        else:  # as TopdownAffine does
            results["transformed_keypoints"], results["keypoints_visible"] = np.zeros([]), np.ones((1, 1, 1))
        results.update(self._way_back(scale * zoom, (box[:2] - offset) / scale))
        return results

    def box_of(self, results: dict) -> np.ndarray:
        """Return the crop of a sample that has ``ori_shape`` or ``img``: (4,) xyxy, in pixels of the image."""
        height, width = results["img"].shape[:2] if "img" in results else results["ori_shape"]
        size, offset = self._placed(width, height)
        scale = size / [width, height]
        box = self._cut(results, scale, offset).reshape(2, 2)
        return (((box - offset) / scale) - 0.5).reshape(4)

    def _placed(self, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the size (w, h) of the whole image on the canvas, and its top left corner there."""
        canvas = np.array(self.canvas_size)
        if not self.keep_aspect:
            return canvas, np.zeros(2, int)
        ratio = (canvas / [width, height]).min()
        size = np.maximum((np.array([width, height]) * ratio + 1e-6).astype(int), 1)
        return size, (canvas - size) // 2

    def _cut(self, results: dict, scale: np.ndarray, offset: np.ndarray) -> np.ndarray:
        """Return the part of the canvas to crop: (4,) int."""
        keypoints = results.get("keypoints")
        if self.around == "keypoints" and keypoints is not None and (results["keypoints_visible"] > 0).any():
            labelled = keypoints[results["keypoints_visible"] > 0][:, :2].astype(np.float64)
            places = pixels_of((labelled + 0.5) * scale - 0.5 + offset)
            low, high = places.min(axis=0) - self.margin, places.max(axis=0) + self.margin
        else:
            given = results["bbox"].astype(np.float64).reshape(-1, 4)[0]
            places = pixels_of((given.reshape(2, 2) + 0.5) * scale - 0.5 + offset)
            low, high = places[0], places[1] + 1
        return self._within(low, high)

    def _jittered(self, box: np.ndarray) -> np.ndarray:
        if not self.jitter:
            return box
        moved = box + np.random.randint(-self.jitter, self.jitter + 1, size=4)
        return self._within(moved[:2], moved[2:])

    def _within(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Limit the crop to the canvas, and to at least one pixel."""
        canvas = np.array(self.canvas_size)
        low = np.clip(low, 0, canvas - 1)
        return np.concatenate([low, np.clip(high, low + 1, canvas)]).astype(int)

    def _way_back(self, zoom: np.ndarray, corner: np.ndarray) -> dict[str, Any]:
        """Return MMPose's keys, so that ``x / input_size · input_scale + input_center - input_scale / 2`` maps back.

        Args:
            zoom: (2,) input pixels per image pixel.
            corner: (2,) top left corner of the crop, relative to the corner of the image.
        """
        size = np.array(self.input_size, np.float64)
        scale = (size - 1 if self.use_udp else size) / zoom
        first = corner + 0.5 / zoom - 0.5  # where the input's first pixel is centred
        return dict(input_size=self.input_size, input_center=first + scale / 2, input_scale=scale)


def _wrong(name: str, expected: str, found: Any) -> BadInputError:
    return BadInputError(
        f"wrong {name} of CropAroundKeypoints",
        where=f"CropAroundKeypoints.{name}",
        expected=expected,
        found=repr(found),
    )
