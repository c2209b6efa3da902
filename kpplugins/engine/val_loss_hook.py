"""The loss on validation data, beside the metrics."""

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.dataset import Compose
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop
from mmpose.datasets.transforms import GenerateTarget
from mmpose.registry import HOOKS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from kpplugins.data.parsing.text import one_line
from kpplugins.datasets.wrapped import datasets_with_steps
from kpplugins.visualization.curves import VAL_LOSS

logger = logging.getLogger(__name__)
_CHANGING = (_BatchNorm, nn.modules.dropout._DropoutNd)
"""Layers that draw or learn in training; DropPath, of which each library has its own, is known by its name."""


@HOOKS.register_module()
class ValLossHook(Hook):
    """Adds ``val_loss`` to the metrics of each validation, so that it is among the curves and can decide.

    It is the sum of the training losses on samples that are spread evenly over the validation data, prepared as
    validation prepares them, without augmentation, and with the targets of the training pipeline. Normalisation and
    dropout work as in validation. The random states are left as they were. Every rank takes the same samples.

    Where the validation data are wrapped, or come without keypoints (boxes of a detector), there is no such loss.

    Args:
        max_samples: how many samples are used; they are prepared once and kept in memory.
    """

    priority = "HIGHEST"  # before the metrics are logged, and before EMAHook gives the weights back

    def __init__(self, max_samples: int = 128) -> None:
        self.max_samples = max_samples
        self._samples: list[dict] | None = None

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Compute the loss and add it to ``metrics``."""
        if metrics is None or not isinstance(runner._train_loop, BaseLoop):  # a validation alone
            return
        try:
            with _random_states_kept():
                if self._samples is None:
                    self._samples = self._prepared(runner)
                if self._samples:
                    metrics[VAL_LOSS] = self._loss(runner)
                    # MMEngine would log the mean of all validations so far, as for each name with "loss"
                    runner.message_hub.log_scalars.pop(f"val/{VAL_LOSS}", None)
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            self._samples = []  # a curve is not worth a training: own pipelines and models may lack what it needs
            logger.warning("no val_loss: %s: %s", type(error).__name__, one_line(error))

    def _prepared(self, runner: Any) -> list[dict]:
        """Return the samples, with targets; none where there can be no loss."""
        dataset = runner.val_dataloader.dataset
        steps = list(getattr(getattr(dataset, "pipeline", None), "transforms", ()))
        if not steps or not hasattr(dataset, "get_data_info") or getattr(dataset, "bbox_file", None):
            logger.info("no val_loss: validation data that are wrapped or have no keypoints")
            return []
        trained = datasets_with_steps(runner.train_dataloader.dataset)
        targets = [step for _, own in trained for step in own if isinstance(step, GenerateTarget)]
        pipeline = Compose([*steps[:-1], *targets[:1], steps[-1]])
        count = min(self.max_samples, len(dataset))
        places = np.unique(np.linspace(0, len(dataset) - 1, count).round().astype(int)) if count else []
        samples = [pipeline(dataset.get_data_info(int(i))) for i in places]
        return [sample for sample in samples if sample is not None]

    @torch.no_grad()
    def _loss(self, runner: Any) -> float:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        collate, size = runner.val_dataloader.collate_fn, max(1, runner.val_dataloader.batch_size or 1)
        total = 0.0
        with _comparing(model):
            for start in range(0, len(self._samples or ()), size):
                batch = (self._samples or [])[start : start + size]
                data = model.data_preprocessor(collate(batch), False)
                loss, _ = model.parse_losses(model(**data, mode="loss"))
                total += float(loss) * len(batch)
        return total / len(self._samples or ())


@contextmanager
def _comparing(model: nn.Module) -> Iterator[None]:
    """Set a model to training, but for layers that draw or learn there; set all back afterwards."""
    before = {module: module.training for module in model.modules()}
    model.train()
    for module in model.modules():
        if isinstance(module, _CHANGING) or type(module).__name__ == "DropPath":
            module.eval()
    try:
        yield
    finally:
        for module, training in before.items():
            module.training = training


@contextmanager
def _random_states_kept() -> Iterator[None]:
    numpy_state, python_state = np.random.get_state(), random.getstate()
    with torch.random.fork_rng():
        torch.manual_seed(0)  # Keypoint R-CNN draws its proposals: the same ones each time
        np.random.seed(0)
        random.seed(0)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)
            random.setstate(python_state)
