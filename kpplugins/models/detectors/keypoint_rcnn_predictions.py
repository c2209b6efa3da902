"""Conversion of torchvision's detections to MMPose's."""

import numpy as np
import torch
from mmengine.structures import InstanceData
from torch import Tensor


def predicted(found: dict[str, Tensor]) -> InstanceData:
    """Convert one image's detections to MMPose's names and NumPy.

    Args:
        found: torchvision's ``boxes`` (M, 4) xyxy, ``scores`` (M,), ``labels`` (M,) from 1, ``keypoints`` (M, K, 3) and
            ``keypoints_scores`` (M, K), the heatmaps' unbounded values.

    Returns:
        ``bboxes``, ``bbox_scores``, ``labels`` from 0, ``keypoints`` (M, K, 2) and ``keypoint_scores`` in 0..1.
    """
    return InstanceData(
        bboxes=_array(found["boxes"]),
        bbox_scores=_array(found["scores"]),
        labels=_array(found["labels"] - 1),
        keypoints=_array(found["keypoints"][..., :2]),
        keypoint_scores=_array(torch.sigmoid(found["keypoints_scores"])),
    )


def _array(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()
