"""A batch in which no prediction is matched to an instance."""

import logging
from functools import partial
from typing import Any

from mmengine.hooks import Hook
from mmpose.models.heads.hybrid_heads.yoloxpose_head import YOLOXPoseHead
from mmpose.registry import HOOKS
from torch import nn

logger = logging.getLogger(__name__)


@HOOKS.register_module()
class NoMatchHook(Hook):
    """Lets RTMO and YOLOX-Pose train on a batch without any match, such as images without instances.

    Their auxiliary targets would be computed from nothing, with a TypeError. Such a batch teaches that nothing is
    there: its loss is that of the scores. The log says it once.
    """

    def before_train(self, runner: Any) -> None:
        """Prepare the model's heads."""
        allow_no_match(runner.model)


def allow_no_match(model: nn.Module) -> None:
    """Let every head of this kind take a batch without any match.

    Args:
        model: its heads are changed in place; a batch with a match gives the same targets as before.
    """
    for head in model.modules():
        if isinstance(head, YOLOXPoseHead):
            head._get_targets = partial(_targets, head, head._get_targets, [])


def _targets(head: YOLOXPoseHead, original: Any, told: list[bool], *args: Any) -> tuple:
    try:
        return tuple(original(*args))
    except TypeError:
        aux, head.use_aux_loss = head.use_aux_loss, False
        try:
            targets = tuple(original(*args))
        finally:
            head.use_aux_loss = aux
        if sum(targets[-1]):  # something else is wrong
            raise
    if not told:
        told.append(True)
        logger.warning("a batch without any match to an instance: only the loss of its scores is used")
    return targets
