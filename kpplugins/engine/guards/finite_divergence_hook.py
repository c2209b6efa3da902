"""Divergence of heatmaps that are zero somewhere."""

from functools import partial
from typing import Any

from mmengine.hooks import Hook
from mmpose.models.losses import JSDiscretLoss
from mmpose.registry import HOOKS
from torch import Tensor, nn

_LEAST = 1e-24
"""The loss's own, which it adds inside its logarithm."""


@HOOKS.register_module()
class FiniteDivergenceHook(Hook):
    """Lets DSNT's heads train with keypoints that are not labelled.

    The maps of such a keypoint are zero, and there the gradient of MMPose's ``JSDiscretLoss`` is 0 × ∞. The value of
    the loss stays as it is.
    """

    def before_train(self, runner: Any) -> None:
        """Prepare the model's losses."""
        keep_divergence_finite(runner.model)


def keep_divergence_finite(model: nn.Module) -> None:
    """Let the gradient of every Jensen-Shannon loss of a model be 0 where its maps are 0.

    Args:
        model: its losses are changed in place.
    """
    for loss in model.modules():
        if isinstance(loss, JSDiscretLoss):
            loss.kl = partial(_divergence, loss)


def _divergence(loss: JSDiscretLoss, p: Tensor, q: Tensor) -> Tensor:
    return loss.kl_loss((q + _LEAST).log(), p.clamp_min(_LEAST))
