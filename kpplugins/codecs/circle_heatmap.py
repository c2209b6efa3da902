"""Heatmaps of blurred circles."""

from typing import Any

import numpy as np
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.registry import KEYPOINT_CODECS

from kpplugins.codecs.circle_maps import draw_circles, peaks, pixels_of, resized_crop, weighted_means
from kpplugins.structures import BadInputError

DECODERS = ("argmax", "mean")


@KEYPOINT_CODECS.register_module()
class CircleHeatmap(BaseKeypointCodec):
    """Keypoints as blurred circles: the labels of the CAT recipe (github.com/SaraFattouh/Keypoint-Detection).

    At each keypoint, rounded to a pixel of a small image (the canvas, 128×128), ``cv2.circle`` draws a circle of
    radius 2 and thickness 2; a 5×5 Gaussian filter follows; then the part of the canvas that is the network's input is
    cut out and resized. ``CropAroundKeypoints`` passes that part as ``crop_box``. Without it, in a pipeline with
    MMPose's ``TopdownAffine``, the input is assumed to be the whole canvas.

    Dimensions: N = 1 instance, K keypoints, [w, h] input, [W, H] heatmap. Coordinates have pixel centres at whole
    numbers: the centre of heatmap cell i is at (i + 0.5) · w / W - 0.5 of the input.

    Encoded:

    - ``heatmaps`` (K, H, W) float32, 0 to 1;
    - ``keypoint_weights`` (1, K) float32: 0 for a keypoint that is absent or outside the crop, whose map is empty.

    Round-trip error on each axis: for a keypoint at least 3 canvas pixels inside the crop, at most ½ canvas pixel plus
    ½ heatmap cell with ``argmax``; for one at least 5 inside, at most ½ canvas pixel plus 0.1 cell with ``mean``.
    Nearer to the edge of the crop the disc is cut off, and at the edge of the canvas the filter also mirrors it: the
    error is at most 3 canvas pixels plus ½ cell with either.

    Args:
        input_size: (w, h) pixels.
        heatmap_size: (W, H) cells.
        canvas_size: (w, h) of the image that circles are drawn on, in pixels.
        radius: of the circles, in canvas pixels.
        thickness: of their lines, in canvas pixels; a negative value fills them.
        blur: side of the Gaussian filter, in canvas pixels, odd.
        decode: ``argmax`` takes the cell with the maximum, ``mean`` the mean of all cells weighted by their values.
        threshold: for ``mean``: cells below this fraction of the map's maximum are ignored. The recipe's 0 counts all
            cells; a network's faint background then pulls keypoints to the middle, which 0.3 avoids.

    Raises:
        BadInputError: an invalid argument, or a crop outside the canvas.
        ValueError: more than one instance.
    """

    auxiliary_encode_keys = {"crop_box"}
    label_mapping_table = dict(keypoint_weights="keypoint_weights")
    field_mapping_table = dict(heatmaps="heatmaps")

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        canvas_size: tuple[int, int] = (128, 128),
        radius: int = 2,
        thickness: int = 2,
        blur: int = 5,
        decode: str = "argmax",
        threshold: float = 0.0,
    ) -> None:
        super().__init__()
        self.input_size, self.heatmap_size = (
            _pair(input_size, "input_size"),
            _pair(heatmap_size, "heatmap_size"),
        )
        self.canvas_size = _pair(canvas_size, "canvas_size")
        _require(radius >= 0, "radius", "0 or more", radius)
        _require(thickness != 0, "thickness", "1 or more, or negative to fill", thickness)
        _require(blur > 0 and blur % 2 == 1, "blur", "an odd number ≥ 1", blur)
        _require(decode in DECODERS, "decode", " or ".join(DECODERS), decode)
        _require(0 <= threshold < 1, "threshold", "0 ≤ threshold < 1", threshold)
        self.radius, self.thickness, self.blur = radius, thickness, blur
        self.decode_by, self.threshold = decode, threshold

    def encode(
        self,
        keypoints: np.ndarray,
        keypoints_visible: np.ndarray | None = None,
        crop_box: np.ndarray | None = None,
    ) -> dict[str, Any]:
        """Draw the keypoints.

        Args:
            keypoints: (1, K, 2) in input pixels.
            keypoints_visible: (1, K), 0 for absent; ``None`` means that all are present.
            crop_box: (4,) x1, y1, x2, y2, the part of the canvas that is the input, in whole pixels, x2 and y2 the
                first outside; ``None`` for the whole canvas.

        Returns:
            ``heatmaps`` (K, H, W) and ``keypoint_weights`` (1, K), float32.
        """
        if len(keypoints) != 1:
            raise ValueError(f"CircleHeatmap encodes one instance at a time; found {len(keypoints)}")
        box = self._checked(crop_box)
        scale = (box[2:] - box[:2]) / np.array(self.input_size)
        places = pixels_of((np.asarray(keypoints[..., :2], np.float64) + 0.5) * scale - 0.5 + box[:2])
        present = np.all((places >= box[:2]) & (places < box[2:]), axis=2)
        if keypoints_visible is not None:
            present = present & (keypoints_visible > 0)
        whole = draw_circles(places, present, self.canvas_size, self.radius, self.thickness, self.blur)
        heatmaps = np.stack([resized_crop(one, box, self.heatmap_size) for one in whole])
        return dict(heatmaps=heatmaps, keypoint_weights=present.astype(np.float32))

    def decode(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read keypoints (1, K, 2), in input pixels, and scores (1, K), the maxima, from heatmaps (K, H, W)."""
        cells, scores = peaks(encoded)
        if self.decode_by == "mean":
            cells = weighted_means(encoded, self.threshold)
        scale = np.array(self.input_size) / np.array(self.heatmap_size)
        return ((cells + 0.5) * scale - 0.5).astype(np.float32)[None], scores[None]

    def _checked(self, crop_box: np.ndarray | None) -> np.ndarray:
        """Return the crop as (4,) whole numbers."""
        if crop_box is None:
            return np.array([0, 0, *self.canvas_size])
        box = np.asarray(crop_box, int)
        low, high = box[:2], box[2:]
        if (low < 0).any() or (high <= low).any() or (high > self.canvas_size).any():
            raise BadInputError(
                "the pipeline crops outside the canvas that circles are drawn on",
                where="codec.canvas_size",
                expected=f"the canvas_size of CropAroundKeypoints; its crop is {box.tolist()}",
                found=f"{self.canvas_size[0]}×{self.canvas_size[1]}",
                todo="give both the same canvas_size",
            )
        return box


def _pair(size: Any, name: str) -> tuple[int, int]:
    fine = (
        isinstance(size, (tuple, list)) and len(size) == 2 and all(isinstance(n, int) and n > 0 for n in size)
    )
    _require(fine, name, "(width, height), two whole numbers ≥ 1", size)
    return size[0], size[1]


def _require(fine: bool, name: str, expected: str, found: Any) -> None:
    if not fine:
        raise BadInputError(
            f"wrong {name} of CircleHeatmap", where=f"codec.{name}", expected=expected, found=repr(found)
        )
