"""Say what looks wrong while a training runs."""

import math
from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from kpplugins.engine.guards.validation_rank import NOTHING, tie_breaker

_FEW = 10
"""Instances of a val set below which its numbers are chance."""
_VALIDATIONS = 3
"""So many validations in a row with an AP of 0 are told."""
_EPOCHS = 3
"""The first epoch after which the loss should be lower than in the first one, where training is so long."""
_ITERATIONS = 30
"""Iterations before which no loss need have fallen, except at the end."""
_FALL = 0.98
"""At most this fraction of the first epoch's mean loss counts as lower."""


@HOOKS.register_module()
class LearningWatchHook(Hook):
    """Warns of a small val set, of an AP that stays 0 and of a loss that does not fall, and says what to try."""

    priority = "LOW"  # after the metrics are logged

    def __init__(self) -> None:
        self._losses: list[float] = []
        self._sum, self._count = 0.0, 0
        self._zeros: list[float | None] = []
        self._told: set[str] = set()

    def before_train(self, runner: Any) -> None:
        """Count the val set's instances."""
        loader = getattr(getattr(runner, "val_loop", None), "dataloader", None)
        number = None if loader is None else _instances(loader.dataset)
        if number is not None and number < _FEW:
            self._tell(
                runner, "few",
                f"the val set has {number} instances: its AP, and so the choice of the best checkpoint, is largely "
                "chance; try a larger share (kpplugins dataset split), or several splits",
            )  # fmt: skip

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Add up the loss."""
        if isinstance(outputs, dict) and "loss" in outputs:
            self._sum, self._count = self._sum + outputs["loss"].detach(), self._count + 1

    def after_train_epoch(self, runner: Any) -> None:
        """Compare the epoch's mean loss with the first one's."""
        if self._count:
            self._losses.append(float(self._sum) / self._count)
        self._sum, self._count = 0.0, 0
        epochs, total = runner.epoch + 1, runner.max_epochs or 0
        due = len(self._losses) >= max(_EPOCHS, math.ceil(total / 10)) and runner.iter >= _ITERATIONS
        if len(self._losses) < 2 or not (due or epochs == total) or "looked" in self._told:
            return
        self._told.add("looked")
        first, last = self._losses[0], self._losses[-1]
        if last > first - (1 - _FALL) * abs(first):
            few = f"more than {total} epochs, " if epochs == total else ""
            self._tell(
                runner, "loss",
                f"the loss does not fall ({first:.4g} in the first epoch, {last:.4g} in epoch {epochs}); try {few}"
                "another learning rate (a tenth, ten times), and look at the labels (kpplugins dataset check)",
            )  # fmt: skip

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Count validations with an AP of 0."""
        metrics = metrics or {}
        key = next((name for name in ("AP", "coco/AP", "box/AP") if name in metrics), None)
        if key is None:
            return
        if metrics[key] >= NOTHING:
            self._zeros = []
            return
        error = tie_breaker(metrics, key)
        self._zeros.append(None if error is None else float(metrics[error]))
        if len(self._zeros) == _VALIDATIONS:
            self._tell(runner, "zero", _advice(key, error, self._zeros))

    @master_only
    def _tell(self, runner: Any, what: str, message: str) -> None:
        if what not in self._told:
            self._told.add(what)
            runner.logger.warning(message)


def _advice(key: str, error: str | None, values: list[float | None]) -> str:
    """Say what an AP of 0 in several validations can mean."""
    start = f"{key} is 0 (below {NOTHING:g}) in {len(values)} validations in a row"
    first, last = values[0], values[-1]
    if first is not None and last is not None and last < _FALL * first:
        return (
            f"{start}, but {error} falls ({first:.4g} → {last:.4g}): it learns, and AP needs nearer keypoints; "
            "try more epochs, a larger input_size, or COCO's pretrained weights (load_from)"
        )
    how = f" and {error} does not fall ({first:.4g} → {last:.4g})" if None not in (first, last) else ""
    return (
        f"{start}{how}; try another learning rate, look at the labels (kpplugins dataset check) and predictions "
        "(kpplugins test), and train on a few images until they are learnt by heart"
    )


def _instances(dataset: Any) -> int | None:
    """Count a dataset's instances up to ``_FEW``; ``None`` if its samples are unknown."""
    number = 0
    for i in range(len(dataset)):
        try:
            info = dataset.get_data_info(i)
            number += len(info["keypoints"]) if "keypoints" in info else len(info["bbox"])
        except (AttributeError, KeyError, TypeError, IndexError):
            return None
        if number >= _FEW:
            break
    return number
