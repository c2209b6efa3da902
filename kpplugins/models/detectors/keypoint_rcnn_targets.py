"""Training targets of torchvision's Keypoint R-CNN: one image's instances, checked."""

from typing import Any

import numpy as np
import torch
from mmpose.structures import PoseDataSample
from torch import Tensor

from kpplugins.structures import BadInputError

WITHIN = 0.7
"""A box with at least this share of its area in a crowd belongs to it (Detectron's TRAIN.CROWD_FILTER_THRESH)."""
SMALLEST = 0.01
"""Pixels; a box with a shorter side than this inside the image counts as outside. torchvision detects none so small."""


def target_of(
    sample: PoseDataSample,
    size: tuple[int, int],
    num_keypoints: int,
    num_classes: int,
    device: torch.device,
) -> dict[str, Tensor]:
    """Convert one image's instances to torchvision's targets.

    Crowds are not learnt, and their regions are not learnt as background either. An instance without labelled keypoints
    is kept: it trains the boxes, but adds nothing to the loss of the keypoints. Boxes are clipped to the image, and
    those that augmentation has moved out of it are dropped (the dataset reports such boxes in the data). Keypoints are
    passed on unchanged (see ``KeypointRCNN`` on coordinates).

    Args:
        sample: ``gt_instances`` with ``bboxes`` (N, 4) xyxy, ``labels`` (N,) from 0, ``keypoints`` (N, K, 2),
            ``keypoints_visible`` (N, K), and perhaps ``iscrowd`` (N,); N may be 0.
        size: (h, w) of the image.
        num_keypoints: K.
        num_classes: without background.
        device: where the network is.

    Returns:
        ``boxes`` (M, 4) xyxy, ``labels`` (M,) from 1, ``keypoints`` (M, K, 3) as x, y, visibility; and ``ignored``
        (R, 4) xyxy, the boxes of crowds.

    Raises:
        BadInputError: no boxes, a box with NaN or without an area, a class without a name, another number of keypoints
            than K, or a labelled keypoint that is not finite; it names the image.
    """
    where = str(sample.metainfo.get("img_path", "an image"))
    truth = sample.get("gt_instances", None)
    if truth is None or "bboxes" not in truth:
        raise BadInputError(
            "no boxes to learn from", where=where, todo="use a dataset with data_mode='bottomup'"
        )
    boxes = _array(truth.bboxes).reshape(-1, 4).astype(np.float32)
    number, crowd = len(boxes), _array(truth.get("iscrowd")).reshape(-1).astype(bool)
    kept = ~crowd if len(crowd) else np.ones(number, bool)
    keys = ("labels", "keypoints", "keypoints_visible")
    labels, keypoints, visible = (_array(truth.get(key)) for key in keys)
    if number:
        _check_shapes(keypoints, visible, labels, (number, num_keypoints), where)
    if kept.any():
        labels, points = labels[kept].astype(np.int64), _points(keypoints[kept], visible[kept], where)
    else:
        labels, points = np.zeros(0, np.int64), np.zeros((0, num_keypoints, 3), np.float32)
    _check_classes(labels, num_classes, where)
    ignored, _ = _within(boxes[~kept], size, where)
    boxes, inside = _within(boxes[kept], size, where)
    return {
        "boxes": torch.from_numpy(boxes).to(device),
        "labels": torch.from_numpy(labels[inside] + 1).to(device),
        "keypoints": torch.from_numpy(points[inside]).to(device),
        "ignored": torch.from_numpy(ignored).to(device),
    }


def mostly_within(boxes: Tensor, regions: Tensor) -> Tensor:
    """Tell which boxes have at least the share ``WITHIN`` of their area inside one region.

    Args:
        boxes: (N, 4) xyxy.
        regions: (R, 4) xyxy.

    Returns:
        (N,) boolean.
    """
    if not len(regions):
        return torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    low = torch.maximum(boxes[:, None, :2], regions[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], regions[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(dim=2).amax(dim=1)
    return shared >= WITHIN * (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)


def _array(value: Any) -> np.ndarray:
    if value is None:
        return np.zeros(0)
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)


def _check_shapes(
    keypoints: np.ndarray, visible: np.ndarray, labels: np.ndarray, shape: tuple[int, int], where: str
) -> None:
    """Raise if the arrays do not match ``shape``, (N, K)."""
    if keypoints.shape[:2] != shape or visible.shape[:2] != shape:
        raise BadInputError(
            "the model and the data have different numbers of keypoints",
            where=f"model.num_keypoints and {where}",
            expected=f"keypoints {(*shape, 2)}",
            found=f"{keypoints.shape}, visible {visible.shape}",
            todo="set model.num_keypoints = None to take it from the data",
        )
    if labels.shape != shape[:1]:
        raise BadInputError(
            "not one class per box", where=where, expected=f"labels {shape[:1]}", found=str(labels.shape)
        )


def _points(keypoints: np.ndarray, visible: np.ndarray, where: str) -> np.ndarray:
    """Return (N, K, 3): x, y and 1 where the keypoint is labelled; zeros elsewhere."""
    labelled = visible.reshape(*visible.shape[:2], -1)[..., :1] > 0  # MMPose may add weights to it
    bad = labelled[..., 0] & ~np.isfinite(keypoints[..., :2]).all(axis=-1)
    if bad.any():
        at, point = np.argwhere(bad)[0]
        raise BadInputError(
            f"keypoint {point} of instance {at} is labelled and not a number",
            where=where,
            found=str(keypoints[at, point].tolist()),
        )
    return np.concatenate([np.where(labelled, keypoints[..., :2], 0), labelled], axis=-1).astype(np.float32)


def _check_classes(labels: np.ndarray, num_classes: int, where: str) -> None:
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if len(wrong):
        raise BadInputError(
            "a class that the model does not have",
            where=where,
            expected=f"category_id 1 to {num_classes}",
            found=str(int(wrong[0]) + 1),
            todo="set model.num_classes = None to take it from the data",
        )


def _within(boxes: np.ndarray, size: tuple[int, int], where: str) -> tuple[np.ndarray, np.ndarray]:
    """Clip boxes (N, 4) to the image of ``size`` (h, w); return those with an area left, and which they are (N,)."""
    good = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    if not good.all():
        at = int(np.argmin(good))
        raise BadInputError(
            f"box {at} has no area",
            where=where,
            expected="finite x1 < x2 and y1 < y2 in pixels",
            found=str(boxes[at].tolist()),
            todo="correct the annotation (width and height for corners?); kpplugins dataset check finds all",
        )
    clipped = np.clip(boxes, 0, np.array([size[1], size[0]] * 2, np.float32))
    inside = (clipped[:, 2:] - clipped[:, :2] >= SMALLEST).all(axis=1)
    return clipped[inside], inside
