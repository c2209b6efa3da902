"""Other augmentation at the end of a training."""

import inspect
import logging
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop
from mmpose.registry import HOOKS

from kpplugins.datasets.wrapped import every_dataset
from kpplugins.engine.guards.loaders import end_workers_of
from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)


@HOOKS.register_module()
class LastEpochsHook(Hook):
    """Gives steps of the training pipeline other arguments for the last epochs.

    Images that are turned and scaled strongly differ from those that are predicted later, and what a network has
    learnt of them is not quite right for these. So the last epochs may be gentle, as in YOLOX (Ge et al. 2021, arXiv
    2107.08430) and in the second stage of RTMPose (Jiang et al. 2023, arXiv 2303.07399). It depends on the epoch alone,
    so a resumed training goes on as it would have.

    Args:
        share: of the planned epochs, between 0 and 1; rounded to whole epochs.
        steps: arguments by the name of a step's class: ``{"RandomBoxTransform": {"rotate_prob": 0.0}}``.

    Raises:
        BadInputError: the share is not between 0 and 1, or there are no steps.
    """

    priority = "VERY_LOW"

    def __init__(self, share: float, steps: dict[str, dict[str, Any]]) -> None:
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share < 1:
            raise BadInputError(
                "not a share of the epochs",
                where="LastEpochsHook",
                expected="0 < share < 1",
                found=repr(share),
            )
        if not steps:
            raise BadInputError(
                "no step to change", where="LastEpochsHook", expected="arguments by class name"
            )
        self.share, self.steps = share, steps
        self._changed = False

    def before_train(self, runner: Any) -> None:
        """Say when the last epochs begin, and make sure that the steps can be changed then.

        Raises:
            BadInputError: the training does not run by epochs, no step of the pipeline is of such a class, or it has no
                such argument.
        """
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise BadInputError(
                "the training does not run by epochs", where="LastEpochsHook", todo="leave last_epochs out"
            )
        self._changed = False
        self._changes(runner)
        first = self._first(runner)
        if first == runner.max_epochs:
            logger.warning("last_epochs: %g of %d epochs is none", self.share, runner.max_epochs)
        else:
            logger.info("from epoch %d of %d on: %s", first + 1, runner.max_epochs, self.steps)

    def before_train_epoch(self, runner: Any) -> None:
        """Change the steps, once."""
        if self._changed or runner.epoch < self._first(runner):
            return
        for transforms, place, step in self._changes(runner):
            transforms[place] = step
        end_workers_of(runner.train_loop.dataloader)  # they have copies of the old steps
        self._changed = True

    def _changes(self, runner: Any) -> list[tuple[list, int, Any]]:
        """Return the other steps: the list that each belongs into, and its place there."""
        found = [
            (transforms, place, with_arguments(step, self.steps[type(step).__name__]))
            for dataset in every_dataset(runner.train_loop.dataloader.dataset)
            for transforms in [getattr(getattr(dataset, "pipeline", None), "transforms", [])]
            for place, step in enumerate(transforms)
            if type(step).__name__ in self.steps
        ]
        if missing := sorted(set(self.steps) - {type(step).__name__ for _, _, step in found}):
            raise BadInputError(
                "the training pipeline has no such step", where="LastEpochsHook", found=", ".join(missing)
            )
        return found

    def _first(self, runner: Any) -> int:
        """Return the first of the last epochs, 0-based."""
        return runner.max_epochs - round(self.share * runner.max_epochs)


def with_arguments(step: Any, arguments: dict[str, Any]) -> Any:
    """Make a step anew with some other arguments.

    Args:
        step: of a pipeline, which keeps its arguments under their names.
        arguments: by name.

    Returns:
        Another step of the same class.

    Raises:
        BadInputError: it has no such argument.
    """
    names = [name for name in inspect.signature(type(step)).parameters if hasattr(step, name)]
    if unknown := sorted(set(arguments) - set(names)):
        raise BadInputError(
            "the step has no such argument", where=f"last_epochs: {type(step).__name__}", expected=", ".join(names),
            found=", ".join(unknown),
        )  # fmt: skip
    return type(step)(**{**{name: getattr(step, name) for name in names}, **arguments})
