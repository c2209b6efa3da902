"""MMPose's OKS loss with the sigmas of any keypoints."""

from collections.abc import Sequence
from typing import Any

import torch
from mmpose.models.losses import OKSLoss
from mmpose.registry import MODELS


@MODELS.register_module()
class SchemaOKSLoss(OKSLoss):
    """``OKSLoss``, which is given the K sigmas instead of a file of MMPose's that has them.

    Args:
        sigmas: of the K keypoints, as in ``KeypointSchema``.
        **kwargs: see ``OKSLoss``.
    """

    def __init__(self, sigmas: Sequence[float], **kwargs: Any) -> None:
        super().__init__(metainfo=None, **kwargs)
        self.register_buffer("sigmas", torch.as_tensor(sigmas, dtype=torch.float32))
