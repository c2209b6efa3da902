"""MMPose's OKS loss with the sigmas of any keypoints."""

from collections.abc import Sequence
from typing import Any

import torch
from mmpose.models.losses import OKSLoss
from mmpose.registry import MODELS


@MODELS.register_module()
class SchemaOKSLoss(OKSLoss):
    """``OKSLoss`` that takes the K sigmas as an argument, not from one of MMPose's metainfo files.

    Args:
        sigmas: of the K keypoints, as in ``KeypointSchema``.
        **kwargs: see ``OKSLoss``.
    """

    def __init__(self, sigmas: Sequence[float], **kwargs: Any) -> None:
        super().__init__(metainfo=None, **kwargs)
        self.register_buffer("sigmas", torch.as_tensor(sigmas, dtype=torch.float32))
