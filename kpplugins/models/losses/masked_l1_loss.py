"""The absolute error of weighted values."""

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class MaskedL1Loss(nn.Module):
    """Sum of the weighted absolute errors over the sum of the weights, as in CenterNet (arXiv 1904.07850).

    MMPose's ``L1Loss`` divides by the number of all values, including absent ones, so images with few keypoints count
    less. Computed in float32, even under autocast.

    Args:
        loss_weight: factor of the result.

    Shapes: prediction and target (…, D), weights (…), one per vector; a scalar, 0 if all weights are 0.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """Return the loss; values of weight 0 have no gradient, even if they are NaN."""
        prediction, target = prediction.float(), target.float()
        counted = weights[..., None].to(prediction.dtype).expand_as(prediction)
        error = torch.where(counted > 0, (prediction - target).abs(), 0.0)
        return self.loss_weight * (error * counted).sum() / (counted.sum() + 1e-4)
