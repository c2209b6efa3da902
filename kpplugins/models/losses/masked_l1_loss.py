"""Absolute error of those values that count."""

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class MaskedL1Loss(nn.Module):
    """Sum of the weighted absolute errors over the sum of the weights, as CenterNet has it (arXiv 1904.07850).

    MMPose's ``L1Loss`` divides by the number of all values, absent ones too: there an image with few points teaches
    less. In float32 under autocast too.

    Args:
        loss_weight: factor of the result.

    Shapes: prediction and target (…, D), weights (…) one a vector; a scalar, 0 where all weights are.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """The loss; what has weight 0 has no gradient, whatever it is."""
        prediction, target = prediction.float(), target.float()
        counted = weights[..., None].to(prediction.dtype).expand_as(prediction)
        error = torch.where(counted > 0, (prediction - target).abs(), 0.0)
        return self.loss_weight * (error * counted).sum() / (counted.sum() + 1e-4)
