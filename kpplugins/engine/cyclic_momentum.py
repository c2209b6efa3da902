"""Cyclical momentum."""

from collections.abc import Sequence
from typing import Any

from mmengine.optim.scheduler.momentum_scheduler import MomentumSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import INF, OptimizerType, _ParamScheduler
from mmpose.registry import PARAM_SCHEDULERS

from kpplugins.engine.cyclic_lr import check_cycle, cycle_height, in_iterations, per_group


@PARAM_SCHEDULERS.register_module()
class CyclicMomentum(MomentumSchedulerMixin, _ParamScheduler):
    """Moves momentum, or Adam's β₁, down while a ``CyclicLR`` of the same cycle goes up, and up while it goes down.

    As ``cycle_momentum`` of ``torch.optim.lr_scheduler.CyclicLR``: at the start of a cycle it is ``max_momentum``, at
    the peak of the learning rate ``base_momentum``. See ``CyclicLR`` for how steps are counted.

    Args:
        optimizer: given by the Runner.
        base_momentum: lower bound, one number for all parameter groups or one per group.
        max_momentum: upper bound, likewise.
        step_size_up: steps in which the learning rate rises, > 0.
        step_size_down: steps in which it falls. Default: as many as up.
        mode: ``triangular``, ``triangular2`` or ``exp_range``.
        gamma: factor per step of ``exp_range``, > 0.
        begin: step at which it starts to act.
        end: step at which it stops.
        last_step: steps done so far, to resume without ``state_dict``; -1 starts.
        by_epoch: a step is an epoch, not an iteration.
        verbose: log every value.

    Raises:
        BadInputError: an unknown mode, a length or factor that is not positive, or bounds that do not fit the groups.
        ValueError: the optimizer has no momentum.
    """

    def __init__(
        self,
        optimizer: OptimizerType,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
        step_size_up: float = 2000,
        step_size_down: float | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        begin: int = 0,
        end: int = INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        check_cycle("CyclicMomentum", step_size_up, step_size_down, mode, gamma)
        self.step_size_up, self.mode, self.gamma = step_size_up, mode, gamma
        self.step_size_down = step_size_up if step_size_down is None else step_size_down
        self.lower = per_group(optimizer, "base_momentum", base_momentum)
        self.upper = per_group(optimizer, "max_momentum", max_momentum)
        super().__init__(optimizer, begin, end, last_step, by_epoch, verbose)

    @classmethod
    def build_iter_from_epoch(cls, *args: Any, epoch_length: int, **kwargs: Any) -> "CyclicMomentum":
        """Build a scheduler that acts every iteration; see ``CyclicLR.build_iter_from_epoch``."""
        return cls(*args, **in_iterations(epoch_length, **kwargs))

    def load_state_dict(self, state_dict: dict) -> None:
        """Restore the state of a checkpoint, except for ``end``: this run may be longer."""
        super().load_state_dict({**state_dict, "end": self.end})

    def _get_value(self) -> list[float]:
        height = cycle_height(self.last_step, self.step_size_up, self.step_size_down, self.mode, self.gamma)
        return [high - (high - low) * height for low, high in zip(self.lower, self.upper, strict=True)]
