"""Gradual unfreezing of a backbone."""

import logging
from typing import Any

from mmengine.hooks import Hook
from mmpose.registry import HOOKS
from torch import nn

from kpplugins.engine.depth.depth_groups import depth_groups
from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import unwrapped

logger = logging.getLogger(__name__)


@HOOKS.register_module()
class UnfreezeHook(Hook):
    """Trains the head alone at first, then block after block of the backbone, from the output to the input.

    (Howard and Ruder 2018, arXiv 1801.06146.) In each epoch as many blocks more are trained as are needed for all to be
    trained from ``epochs`` on. What is frozen keeps weights and batch-norm statistics.

    Args:
        epochs: from the one of this number (0-based) on, the whole backbone is trained; ≥ 1.

    Raises:
        BadInputError: it is not a whole number ≥ 1.
    """

    priority = "LOW"

    def __init__(self, epochs: int) -> None:
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
            raise BadInputError(
                "not a number of epochs", where="UnfreezeHook", expected="≥ 1", found=repr(epochs)
            )
        self.epochs = epochs
        self._trainable: dict[str, bool] = {}
        self._frozen: list[nn.Module] = []

    def before_train(self, runner: Any) -> None:
        """Note what is trained at all: ``freeze`` may leave parts out."""
        backbone = unwrapped(runner.model).backbone
        self._trainable = {name: p.requires_grad for name, p in backbone.named_parameters()}

    def before_train_epoch(self, runner: Any) -> None:
        """Freeze what is not trained yet in this epoch."""
        backbone = unwrapped(runner.model).backbone
        groups = depth_groups(self._trainable)
        trained = min(len(groups), -(-runner.epoch * len(groups) // self.epochs))
        frozen = {name for group in groups[: len(groups) - trained] for name in group}
        for name, parameter in backbone.named_parameters():
            parameter.requires_grad_(self._trainable[name] and name not in frozen)
            if name in frozen:
                parameter.grad = None
        self._frozen = [
            module
            for start, module in backbone.named_modules()
            if any(True for _ in module.parameters(recurse=False))
            and all(
                f"{start}.{name}".removeprefix(".") in frozen
                for name, _ in module.named_parameters(recurse=False)
            )
        ]
        if runner.epoch <= self.epochs:
            logger.info(
                "epoch %d: %d of %d blocks of the backbone are trained",
                runner.epoch + 1,
                trained,
                len(groups),
            )

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Keep the statistics of frozen layers, wherever the model was put into training mode again."""
        for module in self._frozen:
            if module.training:
                module.eval()
