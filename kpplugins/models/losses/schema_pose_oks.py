"""MMPose's OKS, by which its one-stage models assign predictions, with the sigmas of any keypoints."""

from collections.abc import Sequence

import torch
from mmpose.models.task_modules.assigners.metric_calculators import PoseOKS
from mmpose.registry import TASK_UTILS


@TASK_UTILS.register_module()
class SchemaPoseOKS(PoseOKS):
    """``PoseOKS``, which is given the K sigmas instead of a file of MMPose's that has them.

    Args:
        sigmas: of the K keypoints, as in ``KeypointSchema``.
    """

    def __init__(self, sigmas: Sequence[float]) -> None:
        super().__init__(metainfo=None)
        self.sigmas = torch.as_tensor(sigmas, dtype=torch.float32)
