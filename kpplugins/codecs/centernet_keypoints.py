"""CenterNet's codec: boxes and keypoints together."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor

from kpplugins.codecs.centernet_decode import decode_maps
from kpplugins.codecs.centernet_maps import draw_peaks, gaussian_radii, mask_outside
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import inside_image

logger = logging.getLogger(__name__)
EDGE = -0.5
"""Where the first pixel begins, on both axes."""


@KEYPOINT_CODECS.register_module()
class CenterNetKeypoints(BaseKeypointCodec):
    """The targets of CenterNet for boxes and keypoints (Zhou et al. 2019, "Objects as Points", arXiv 1904.07850).

    An instance is a peak in the heatmap of its class at the centre of its box; that cell also encodes the size of the
    box, the offset of the centre within the cell, and the keypoints relative to the cell. Heatmaps of the keypoints of
    all instances, with offsets at their cells, locate them more precisely.

    Dimensions: N instances of an image, C classes, K keypoints, [w, h] input, [W, H] maps. Coordinates of the input
    have pixel centres at whole numbers; pixel x lies in cell floor(x / stride), its offset is the remainder, and
    (cell + offset) · stride gives x again, exactly. (This is the authors' rule, which their weights require: at stride
    4, cell i covers the pixels 4i to 4i + 3.) All lengths are in cells.

    Encoded, packed to ``gt_fields``:

    - ``heatmaps`` (C, H, W) and ``keypoint_heatmaps`` (K, H, W) float32, exactly 1 at the cells of centres and points;
    - ``heatmap_mask`` and ``keypoint_heatmap_mask`` (1, H, W) bool: false where "nothing is here" must not be learnt.

    and to ``gt_instance_labels``, n ≤ N instances, the largest box first; not padded, a batch concatenates them:

    - ``center_indices`` (n,) and ``keypoint_indices`` (n, K) int64, row · W + column; 0 for an ignored keypoint;
    - ``box_sizes``, ``center_offsets`` (n, 2), ``keypoint_vectors`` (n, K, 2), relative to the centre's whole cell, and
      ``keypoint_offsets`` (n, K, 2), float32;
    - ``instance_weights`` (n,) and ``keypoint_weights`` (n, K) float32, 1 or 0.

    Rules:

    - a crowd is not learnt; its box is masked in all heatmaps;
    - a box is clipped to the input, -0.5 to w and -0.5 to h: neither a box that ends at the edge of the last pixel,
      w - 0.5, nor one that ends at w, as in COCO, loses anything. If its centre is outside, the instance was cropped
      away, and what remains of its box is masked;
    - keypoints that are not labelled, or outside the input (``inside_image``), are not learnt. If no keypoint of an
      instance is labelled, its box and centre are still learnt, and its box is masked in the keypoints' heatmaps;
    - if there are more than ``max_objects``, the largest boxes are learnt and the others masked; this is logged once;
    - if several centres share a cell, it encodes the largest box (``instance_weights`` of the others is 0). Of one
      class, only one of them can be decoded;
    - if several instances have a keypoint in the same cell, all contribute to the offset there, and only one can be
      decoded.

    Args:
        input_size: (w, h) pixels.
        heatmap_size: (W, H) cells; the stride w / W = h / H is 4 in the paper.
        num_classes: C. ``None`` in a config is filled from the data.
        min_overlap: IoU from which the Gaussians' radii are derived (``gaussian_radii``).
        exact_radius: use the geometrically correct radius, about a third of the published one.
        max_objects: most instances learnt per image; to detect as many, ``top_k`` must be as high.
        top_k: most detections per image; COCO evaluates at most 100.
        snap_score: probability that a keypoint's peak must exceed to replace the centre's estimate.
        snap_distance: largest distance between the two, as a fraction of the box's longer side.
        snap_margin: how far outside the box the peak may be, as a fraction of the box's sides; the authors use 0.

    Raises:
        BadInputError: an invalid argument; a box that is inverted, not finite or of no size (unless it lies along the
            border of the input, where cropping leaves it); a labelled keypoint that is not finite; an unknown class.
    """

    auxiliary_encode_keys = {"bbox", "category_id", "iscrowd", "img_path"}
    field_mapping_table = {
        name: name for name in ("heatmaps", "keypoint_heatmaps", "heatmap_mask", "keypoint_heatmap_mask")
    }
    label_mapping_table = {
        name: name
        for name in (
            "center_indices", "box_sizes", "center_offsets", "instance_weights",
            "keypoint_vectors", "keypoint_indices", "keypoint_offsets", "keypoint_weights",
        )
    }  # fmt: skip

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        num_classes: int | None = None,
        min_overlap: float = 0.7,
        exact_radius: bool = False,
        max_objects: int = 128,
        top_k: int = 100,
        snap_score: float = 0.1,
        snap_distance: float = 0.3,
        snap_margin: float = 0.1,
    ) -> None:
        super().__init__()
        self.input_size: tuple[int, int] = tuple(input_size)  # type: ignore[assignment]  # lists, from JSON configs
        self.heatmap_size: tuple[int, int] = tuple(heatmap_size)  # type: ignore[assignment]
        for name in ("input_size", "heatmap_size"):
            size = getattr(self, name)
            _require(len(size) == 2 and min(size) >= 1, name, "(width, height), 1 or more each", size)
        strides = [n / m for n, m in zip(self.input_size, self.heatmap_size, strict=True)]
        _require(
            strides[0] == strides[1],
            "heatmap_size",
            f"the shape of input_size {self.input_size}",
            heatmap_size,
        )
        if num_classes is None:
            raise BadInputError(
                "CenterNetKeypoints needs the number of classes", where="codec.num_classes",
                expected="1 or more", found="None", todo="load the config with kpplugins.load_config",
            )  # fmt: skip
        _require(num_classes >= 1, "num_classes", "1 or more", num_classes)
        _require(0 < min_overlap < 1, "min_overlap", "between 0 and 1", min_overlap)
        _require(max_objects >= 1, "max_objects", "1 or more", max_objects)
        _require(top_k >= 1, "top_k", "1 or more", top_k)
        self.stride, self.num_classes = strides[0], num_classes
        self.min_overlap, self.exact_radius, self.max_objects = min_overlap, exact_radius, max_objects
        self.top_k, self.snapping = top_k, (snap_score, snap_distance, snap_margin)
        self._warned = False

    def encode(
        self,
        keypoints: np.ndarray,
        keypoints_visible: np.ndarray | None = None,
        bbox: np.ndarray | None = None,
        category_id: np.ndarray | None = None,
        iscrowd: np.ndarray | None = None,
        img_path: str | None = None,
    ) -> dict[str, Any]:
        """Compute the targets of one image.

        Args:
            keypoints: (N, K, 2) in input pixels; N may be 0.
            keypoints_visible: (N, K), 0 for not labelled; ``None`` means that all are labelled.
            bbox: (N, 4) xyxy in input pixels.
            category_id: (N,) 1 to C; may be ``None`` if there is one class.
            iscrowd: (N,); ``None`` means no crowds.
            img_path: name of the image in messages.

        Returns:
            The arrays that the class docstring lists.
        """
        place = f"{img_path}: " if img_path else ""
        points = np.asarray(keypoints, np.float64)
        if points.ndim != 3 or points.shape[2] < 2:
            raise BadInputError(
                "keypoints have the wrong shape", where=f"{place}keypoints", expected="(N, K, 2)",
                found=str(points.shape),
            )  # fmt: skip
        points = points[..., :2]
        labelled = np.ones(points.shape[:2], bool)
        if keypoints_visible is not None:
            labelled = np.asarray(keypoints_visible).reshape(points.shape[:2]) > 0
        _check_points(points, labelled, place)
        boxes = _checked_boxes(bbox, len(points), self.input_size, place)
        classes = self._checked_classes(category_id, len(points), place)
        crowd = np.zeros(len(points), bool) if iscrowd is None else np.asarray(iscrowd).reshape(-1) > 0
        return self._targets(points, labelled, boxes, classes, crowd, place)

    def decode(self, encoded: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
        """Decode the maps (…, H, W) of one image; see ``batch_decode``."""
        return self.batch_decode({name: value[None] for name, value in encoded.items()})[0]

    @torch.no_grad()
    def batch_decode(self, batch_encoded: Mapping[str, Tensor]) -> list[dict[str, np.ndarray]]:
        """Read instances from maps.

        Args:
            batch_encoded: ``hm``, ``wh``, ``hps``, ``reg``, ``hm_hp``, ``hp_offset``; see ``centernet_decode``.

        Returns:
            For each image ``bboxes`` (M, 4) xyxy and ``keypoints`` (M, K, 2) in input pixels, ``bbox_scores`` (M,)
            descending, ``labels`` (M,) int64, 0-based, ``keypoint_scores`` (M, K); M is ``top_k``.
        """
        found = self.detections({name: value.float() for name, value in batch_encoded.items()})
        arrays = {name: value.cpu().numpy() for name, value in found.items()}
        return [{name: value[i] for name, value in arrays.items()} for i in range(len(arrays["bbox_scores"]))]

    def detections(self, maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Read instances from maps, as tensors of a whole batch.

        Args:
            maps: see ``batch_decode``, float32.

        Returns:
            What ``batch_decode`` returns, each (B, M, …).
        """
        found = decode_maps(maps, self.top_k, *self.snapping)
        return dict(
            bboxes=found["boxes"] * self.stride,
            bbox_scores=found["scores"],
            labels=found["labels"],
            keypoints=found["points"] * self.stride,
            keypoint_scores=found["point_scores"],
        )

    def _targets(
        self,
        points: np.ndarray,
        labelled: np.ndarray,
        boxes: np.ndarray,
        classes: np.ndarray,
        crowd: np.ndarray,
        place: str,
    ) -> dict[str, np.ndarray]:
        width, height = self.heatmap_size
        limits = np.array(self.input_size, np.float64)
        whole_centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        taught = ~crowd & (whole_centres >= EDGE).all(axis=1) & (whole_centres < limits).all(axis=1)
        boxes = np.clip(boxes, EDGE, np.tile(limits, 2)) / self.stride
        sizes = boxes[:, 2:] - boxes[:, :2]
        visible = (sizes > 0).min(axis=1, initial=True)
        taught &= visible
        kept = np.flatnonzero(taught)
        kept = kept[np.argsort(-sizes[kept].prod(axis=1), kind="stable")]
        if len(kept) > self.max_objects:
            self._warn(len(kept), place)
            kept = kept[: self.max_objects]
        ignored = visible.copy()
        ignored[kept] = False
        unpointed = visible & ~labelled.any(axis=1)

        shown = labelled[kept] & inside_image(points[kept], *self.input_size)
        spots = np.where(shown[..., None], points[kept], 0) / self.stride
        spot_cells = spots.astype(np.int64)
        centres = (boxes[kept, :2] + boxes[kept, 2:]) / 2
        cells = centres.astype(np.int64)  # towards 0: a centre in the first half pixel has an offset below 0
        radii = gaussian_radii(sizes[kept], self.min_overlap, self.exact_radius)
        heatmaps = np.zeros((self.num_classes, height, width), np.float32)
        draw_peaks(heatmaps, classes[kept], cells, radii)
        keypoint_heatmaps = np.zeros((points.shape[1], height, width), np.float32)
        owner, channel = np.nonzero(shown)
        draw_peaks(keypoint_heatmaps, channel, spot_cells[owner, channel], radii[owner])

        center_indices = cells[:, 1] * width + cells[:, 0]
        weights = np.zeros(len(kept), np.float32)
        weights[np.unique(center_indices, return_index=True)[1]] = 1  # the first in a cell is the largest
        seen = shown[..., None].astype(np.float64)
        return dict(
            heatmaps=heatmaps,
            keypoint_heatmaps=keypoint_heatmaps,
            heatmap_mask=mask_outside(boxes[ignored], self.heatmap_size),
            keypoint_heatmap_mask=mask_outside(boxes[ignored | unpointed], self.heatmap_size),
            center_indices=center_indices,
            box_sizes=sizes[kept].astype(np.float32),
            center_offsets=(centres - cells).astype(np.float32),
            instance_weights=weights,
            keypoint_vectors=((spots - cells[:, None]) * seen).astype(np.float32),
            keypoint_indices=spot_cells[..., 1] * width + spot_cells[..., 0],
            keypoint_offsets=(spots - spot_cells).astype(np.float32),
            keypoint_weights=shown.astype(np.float32),
        )

    def _checked_classes(self, category_id: Any, n: int, place: str) -> np.ndarray:
        """Return 0-based classes."""
        if category_id is None and self.num_classes == 1:
            return np.zeros(n, np.int64)
        ids = np.zeros(0, np.int64) if category_id is None else np.asarray(category_id).reshape(-1)
        wrong = np.flatnonzero((ids < 1) | (ids > self.num_classes))
        if len(ids) != n or len(wrong):
            raise BadInputError(
                "a class without a name", where=f"{place}category_id",
                expected=f"{n} numbers from 1 to {self.num_classes} (codec.num_classes)",
                found=f"{ids[wrong[0]]} of instance {wrong[0]}" if len(wrong) else f"{len(ids)} numbers",
                todo="list all categories in the annotation file, and set num_classes = None to count them",
            )  # fmt: skip
        return ids.astype(np.int64) - 1

    def _warn(self, found: int, place: str) -> None:
        if not self._warned:
            logger.warning(
                "%s%d instances; the %d largest are taught (codec.max_objects), the others ignored, here and in other "
                "images with as many", place, found, self.max_objects,
            )  # fmt: skip
        self._warned = True


def _check_points(points: np.ndarray, labelled: np.ndarray, place: str) -> None:
    wrong = np.argwhere(labelled & ~np.isfinite(points).all(axis=2))
    if len(wrong):
        i, k = wrong[0]
        raise BadInputError(
            "a labelled keypoint that is not a number", where=f"{place}keypoint {k} of instance {i}",
            expected="finite x and y, or visibility 0", found=str(points[i, k].tolist()),
        )  # fmt: skip


def _checked_boxes(bbox: Any, n: int, size: tuple[int, int], place: str) -> np.ndarray:
    """Return boxes (N, 4) float64."""
    boxes = np.zeros((0, 4)) if bbox is None else np.asarray(bbox, np.float64)
    if boxes.shape != (n, 4) and (n or boxes.size):
        raise BadInputError(
            "boxes have the wrong shape", where=f"{place}bbox", expected=f"({n}, 4), one xyxy per instance",
            found=str(boxes.shape), todo="BottomupRandomAffine needs bbox_keep_corner=False",
        )  # fmt: skip
    boxes = boxes.reshape(-1, 4)
    sides = boxes[:, 2:] - boxes[:, :2]
    # a box that was outside has no size after clipping and lies along the border
    cropped = (boxes[:, 2:] <= 0).any(axis=1) | (boxes[:, :2] >= np.array(size) - 1).any(axis=1)
    fine = np.isfinite(boxes).all(axis=1) & ((sides > 0).all(axis=1) | (cropped & (sides >= 0).all(axis=1)))
    if not fine.all():
        i = int(np.flatnonzero(~fine)[0])
        raise BadInputError(
            "invalid box", where=f"{place}bbox of instance {i}",
            expected="finite left, top, right, bottom with right > left and bottom > top", found=str(boxes[i].tolist()),
            todo="correct the annotation (kpplugins dataset check finds such boxes)",
        )  # fmt: skip
    return boxes


def _require(fine: bool, name: str, expected: str, found: Any) -> None:
    if not fine:
        raise BadInputError(
            f"wrong {name} of CenterNetKeypoints", where=f"codec.{name}", expected=expected, found=repr(found)
        )
