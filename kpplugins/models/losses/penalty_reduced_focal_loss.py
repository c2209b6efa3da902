"""The loss of heatmaps in which Gaussians only reduce the penalty around a peak."""

import torch
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class PenaltyReducedFocalLoss(nn.Module):
    """Focal loss with less penalty around the peaks (Law & Deng 2018, arXiv 1808.01244; Zhou et al. 2019, 1904.07850).

    With p the sigmoid of an output and y its target: a cell with y = 1 costs ``-(1 - p)^alpha · log p``, any other
    ``-(1 - y)^beta · p^alpha · log(1 - p)``; the sum is divided by the number of cells with y = 1 in the batch, or by 1
    if there is none. The logarithms are computed from the logits, in float32 even under autocast: nothing is clamped,
    and even a completely wrong output has a gradient.

    Args:
        alpha: power of the error.
        beta: power of the penalty reduction around peaks.
        loss_weight: factor of the result.

    Shapes: logits and target (N, C, H, W), mask (N, 1, H, W) or the same; a scalar.
    """

    def __init__(self, alpha: float = 2.0, beta: float = 4.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.alpha, self.beta, self.loss_weight = alpha, beta, loss_weight

    def forward(self, logits: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the loss.

        Args:
            logits: outputs before the sigmoid.
            target: 0 to 1, exactly 1 at the peaks.
            mask: 0 at cells that have no penalty unless they are peaks.
        """
        logits, target = logits.float(), target.float()
        peak = target == 1
        probability = logits.sigmoid()
        missed = (1 - probability) ** self.alpha * F.logsigmoid(logits)
        found = (1 - target) ** self.beta * probability**self.alpha * F.logsigmoid(-logits)
        if mask is not None:
            found = found * mask.to(found.dtype)
        total = -torch.where(peak, missed, found).sum()
        return self.loss_weight * total / peak.sum().clamp(min=1)
