"""Conversion of torchvision's detections to MMPose's."""

from collections.abc import Mapping

import torch
from mmengine.structures import InstanceData
from torch import Tensor


def predicted(found: dict[str, Tensor]) -> InstanceData:
    """Convert one image's detections to MMPose's names and NumPy.

    Args:
        found: see ``renamed``.

    Returns:
        What ``renamed`` returns.
    """
    return InstanceData(**{name: value.detach().cpu().numpy() for name, value in renamed(found).items()})


def renamed(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert one image's detections to MMPose's names.

    Args:
        found: torchvision's ``boxes`` (M, 4) xyxy, ``scores`` (M,), ``labels`` (M,) from 1, ``keypoints`` (M, K, 3) and
            ``keypoints_scores`` (M, K), the heatmaps' unbounded values.

    Returns:
        ``bboxes``, ``bbox_scores``, ``labels`` from 0, ``keypoints`` (M, K, 2) and ``keypoint_scores`` in 0..1.
    """
    return dict(
        bboxes=found["boxes"],
        bbox_scores=found["scores"],
        labels=found["labels"] - 1,
        keypoints=found["keypoints"][..., :2],
        keypoint_scores=torch.sigmoid(found["keypoints_scores"]),
    )
