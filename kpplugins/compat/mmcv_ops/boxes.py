"""``nms``, ``softnms`` and ``bbox_overlaps`` of ``mmcv._ext``, over torchvision, NumPy and PyTorch.

Boxes are (x1, y1, x2, y2). With ``offset`` 1 a box includes both pixels x1 and x2, so its width is x2 - x1 + 1; this is
the box (x1, y1, x2 + 1, y2 + 1) with ``offset`` 0.

Remove when the package ``kpplugins.compat.mmcv_ops`` goes.
"""

from __future__ import annotations

import numpy as np
import torch
import torchvision
from torch import Tensor

from kpplugins.compat.mmcv_ops.precision import widen

_NAIVE, _LINEAR, _GAUSSIAN = 0, 1, 2


def _with_offset(boxes: Tensor, offset: int) -> Tensor:
    """Return boxes [N, 4] that have the same areas and overlaps with ``offset`` 0."""
    return boxes if offset == 0 else boxes + boxes.new_tensor([0, 0, offset, offset])


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Select boxes by non-maximum suppression.

    Args:
        boxes: [N, 4] xyxy.
        scores: [N].
        iou_threshold: boxes that overlap a better one by a greater IoU are dropped.
        offset: see the module.

    Returns:
        Indices (int64) of the kept boxes, best first.
    """
    boxes, scores = widen(boxes, scores)
    return torchvision.ops.nms(_with_offset(boxes, offset), scores, iou_threshold)


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Run soft-NMS on the CPU (Bodla et al., arXiv 1704.04503): overlapping boxes are kept with lower scores.

    Args:
        boxes: [N, 4].
        scores: [N].
        dets: [N, 5], filled with (x1, y1, x2, y2, decayed score) in the order of choice.
        iou_threshold: least IoU at which the naive and linear methods lower a score.
        sigma: width of the Gaussian method.
        min_score: boxes that fall below it are dropped. The first choice is always kept.
        method: 0 naive (score 0), 1 linear (1 - IoU), 2 Gaussian (exp(-IoU² / sigma)).
        offset: see the module.

    Returns:
        Indices (int64) of the chosen boxes, in the order of the rows of ``dets``.
    """
    wide_boxes, wide_scores = widen(boxes, scores)
    corners = _with_offset(wide_boxes, offset).detach().cpu().numpy()
    left, rest = wide_scores.detach().cpu().numpy().copy(), np.arange(len(corners))
    kept: list[int] = []
    kept_scores: list[float] = []
    while rest.size:
        best = int(np.argmax(left))
        kept.append(int(rest[best]))
        kept_scores.append(float(left[best]))
        rest, left = np.delete(rest, best), np.delete(left, best)
        left = left * _decay(_iou(corners[kept[-1]], corners[rest]), iou_threshold, sigma, method)
        strong = left >= min_score
        rest, left = rest[strong], left[strong]
    indices = torch.tensor(kept, dtype=torch.int64, device=boxes.device)
    dets[: len(kept), :4] = boxes[indices].to(dets)
    dets[: len(kept), 4] = torch.tensor(kept_scores, dtype=torch.float64).to(dets)
    return indices


def _iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Compute the IoU of one box [4] with others [N, 4]; 0 where both are empty."""
    size = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.prod(np.maximum(size, 0), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union != 0)


def _decay(iou: np.ndarray, iou_threshold: float, sigma: float, method: int) -> np.ndarray:
    """Compute the factor for the score of each box, from its IoU with the box chosen last."""
    if method == _GAUSSIAN:
        return np.exp(-(iou * iou) / iou.dtype.type(sigma))
    if method not in (_NAIVE, _LINEAR):
        raise ValueError(f"softnms knows method 0 (naive), 1 (linear) and 2 (gaussian), got {method}")
    overlapping = iou >= iou.dtype.type(iou_threshold)
    return np.where(overlapping, 1 - iou if method == _LINEAR else 0, 1).astype(iou.dtype)


def bbox_overlaps(
    bboxes1: Tensor, bboxes2: Tensor, ious: Tensor, mode: int, aligned: bool, offset: int
) -> None:
    """Fill ``ious`` with the overlaps of boxes [N, 4] and [M, 4].

    Args:
        bboxes1: [N, 4].
        bboxes2: [M, 4].
        ious: [N, M], or [N] if ``aligned`` (box n with box n; N = M).
        mode: 0 divides by the union (IoU), 1 by the area of the first box (IoF).
        aligned: compare only box n with box n.
        offset: see the module.
    """
    first, second = (_with_offset(boxes, offset) for boxes in widen(bboxes1, bboxes2))
    if not aligned:
        first, second = first[:, None], second[None]
    size = torch.minimum(first[..., 2:], second[..., 2:]) - torch.maximum(first[..., :2], second[..., :2])
    shared = size.clamp(min=0).prod(dim=-1)
    area = (first[..., 2:] - first[..., :2]).prod(dim=-1)
    if mode == 0:
        area = area + (second[..., 2:] - second[..., :2]).prod(dim=-1) - shared
    # As in mmcv, the divisor is at least `offset`. Empty boxes have overlap 0 (mmcv's kernel gives NaN).
    area = area.clamp(min=offset)
    ious.copy_(torch.where(area > 0, shared / area, torch.zeros_like(shared)))
