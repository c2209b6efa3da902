"""Batch normalisation of a single value per channel."""

import logging
from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmpose.registry import HOOKS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

logger = logging.getLogger(__name__)
_AS_TESTED = "_kpplugins_as_tested"


@HOOKS.register_module()
class SingleValueNormHook(Hook):
    """Lets batch normalisation take one value per channel in training, with its running statistics as in a test.

    A single value has no variance, so PyTorch raises an error. It occurs where the last batch has one sample, the input
    is so small that its features are 1×1, or one instance is matched to the truth (RTMO's head). The log says it once.
    """

    def before_train(self, runner: Any) -> None:
        """Prepare the model's normalisations."""
        allow_single_values(runner.model)


def allow_single_values(model: nn.Module) -> None:
    """Let every batch normalisation of a model take a single value per channel.

    Args:
        model: gets hooks that change nothing for two or more values.
    """
    told: list[bool] = []

    def before(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if norm.training and inputs[0].numel() == inputs[0].shape[1]:
            setattr(norm, _AS_TESTED, True)
            norm.training = False
            if not told:
                told.append(True)
                logger.warning(
                    "a batch with one value per channel reached batch normalisation: its running statistics were used "
                    "(a last batch of one, features of 1×1, or one matched instance)"
                )

    def after(norm: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if getattr(norm, _AS_TESTED, False):
            setattr(norm, _AS_TESTED, False)
            norm.training = True

    for norm in model.modules():
        shared = (
            isinstance(norm, nn.SyncBatchNorm) and get_world_size() > 1
        )  # counts those of other processes, too
        if isinstance(norm, _BatchNorm) and norm.track_running_stats and not shared:
            norm.register_forward_pre_hook(before)
            norm.register_forward_hook(after)
