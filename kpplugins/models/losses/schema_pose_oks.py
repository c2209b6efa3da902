"""MMPose's OKS for the assignment of predictions in one-stage models, with the sigmas of any keypoints."""

from collections.abc import Sequence

import torch
from mmpose.models.task_modules.assigners.metric_calculators import PoseOKS
from mmpose.registry import TASK_UTILS


@TASK_UTILS.register_module()
class SchemaPoseOKS(PoseOKS):
    """``PoseOKS`` that takes the K sigmas as an argument, not from one of MMPose's metainfo files.

    Args:
        sigmas: of the K keypoints, as in ``KeypointSchema``.
    """

    def __init__(self, sigmas: Sequence[float]) -> None:
        super().__init__(metainfo=None)
        self.sigmas = torch.as_tensor(sigmas, dtype=torch.float32)
