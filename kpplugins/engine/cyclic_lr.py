"""Cyclical learning rates."""

from collections.abc import Sequence
from typing import Any

from mmengine.optim import BaseOptimWrapper
from mmengine.optim.scheduler.param_scheduler import INF, OptimizerType, _ParamScheduler
from mmpose.registry import PARAM_SCHEDULERS

from kpplugins.structures import BadInputError

MODES = ("triangular", "triangular2", "exp_range")


@PARAM_SCHEDULERS.register_module()
class CyclicLR(_ParamScheduler):
    """Moves the learning rate up and down between two bounds (Smith, WACV 2017, arXiv 1506.01186).

    ``triangular`` keeps the height of every cycle, ``triangular2`` halves it after each cycle, and ``exp_range``
    multiplies it by ``gamma`` at each step. Arguments and values are those of ``torch.optim.lr_scheduler.CyclicLR``,
    with the conventions of MMEngine's schedulers: steps are iterations with ``by_epoch=False`` and epochs with
    ``by_epoch=True``; with ``by_epoch=True, convert_to_iter_based=True`` lengths are in epochs, but the rate changes
    every iteration. Steps count from ``begin``; from ``end`` on the rate is constant. Momentum has a scheduler of its
    own, ``CyclicMomentum``.

    Args:
        optimizer: given by the Runner.
        base_lr: lower bound, one number for all parameter groups or one per group. ``None``: each group's rate in the
            optimizer, so that ``lr_mult`` of ``paramwise_cfg`` has an effect.
        max_lr: upper bound, as ``base_lr``. One number with ``base_lr=None`` is the bound of a group that has the
            optimizer's rate; the other groups keep their proportion to it.
        step_size_up: steps of the rising half, > 0.
        step_size_down: steps of the falling half. Default: as many as up.
        mode: ``triangular``, ``triangular2`` or ``exp_range``.
        gamma: factor per step of ``exp_range``, > 0.
        begin: step at which it starts to act.
        end: step at which it stops.
        last_step: steps done so far, to resume without ``state_dict``; -1 starts.
        by_epoch: a step is an epoch, not an iteration.
        verbose: log every value.

    Raises:
        BadInputError: an unknown mode, a length or factor that is not positive, or bounds that do not fit the groups.
    """

    def __init__(
        self,
        optimizer: OptimizerType,
        base_lr: float | Sequence[float] | None,
        max_lr: float | Sequence[float],
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
        check_cycle("CyclicLR", step_size_up, step_size_down, mode, gamma)
        self.step_size_up, self.mode, self.gamma = step_size_up, mode, gamma
        self.step_size_down = step_size_up if step_size_down is None else step_size_down
        if base_lr is None:
            own = [float(g.get("initial_lr", g["lr"])) for g in optimizer.param_groups]
            usual = float(optimizer.defaults["lr"])
            self.lower, self.upper = own, per_group(optimizer, "max_lr", max_lr)
            if isinstance(max_lr, (int, float)):
                self.upper = [low / usual * max_lr for low in own]
        else:
            self.lower = per_group(optimizer, "base_lr", base_lr)
            self.upper = per_group(optimizer, "max_lr", max_lr)
        super().__init__(optimizer, "lr", begin, end, last_step, by_epoch, verbose)

    @classmethod
    def build_iter_from_epoch(cls, *args: Any, epoch_length: int, **kwargs: Any) -> "CyclicLR":
        """Build a scheduler that acts every iteration from lengths in epochs.

        Args:
            *args: those of the class.
            epoch_length: iterations per epoch.
            **kwargs: those of the class; ``begin``, ``end``, ``step_size_up`` and ``step_size_down`` in epochs,
                ``gamma`` per epoch.

        Returns:
            The scheduler.
        """
        return cls(*args, **in_iterations(epoch_length, **kwargs))

    def load_state_dict(self, state_dict: dict) -> None:
        """Restore the state of a checkpoint, except for ``end``: this run may be longer."""
        super().load_state_dict({**state_dict, "end": self.end})

    def _get_value(self) -> list[float]:
        height = cycle_height(self.last_step, self.step_size_up, self.step_size_down, self.mode, self.gamma)
        return [low + (high - low) * height for low, high in zip(self.lower, self.upper, strict=True)]


def cycle_height(step: int, up: float, down: float, mode: str, gamma: float) -> float:
    """Compute the height of a step in its cycle.

    Args:
        step: from 0.
        up: steps of the rising half.
        down: steps of the falling half.
        mode: one of ``MODES``.
        gamma: factor per step of ``exp_range``.

    Returns:
        0 at the lower bound to 1 at the upper.
    """
    cycle, position = divmod(step, up + down)
    height = position / up if position <= up else (up + down - position) / down
    if mode == "triangular2":
        return height * 0.5**cycle
    return height * gamma**step if mode == "exp_range" else height


def check_cycle(where: str, up: float, down: float | None, mode: str, gamma: float) -> None:
    """Check the arguments of a cyclic scheduler.

    Args:
        where: name of the scheduler, for the message.
        up: steps of the rising half.
        down: steps of the falling half, or ``None``.
        mode: one of ``MODES``.
        gamma: factor per step.

    Raises:
        BadInputError: an unknown mode, or a number that is not positive.
    """
    if mode not in MODES:
        raise BadInputError("unknown mode", where=where, expected=", ".join(MODES), found=repr(mode))
    for name, value in (("step_size_up", up), ("step_size_down", down), ("gamma", gamma)):
        if value is not None and not (isinstance(value, (int, float)) and value > 0):
            raise BadInputError(f"wrong {name}", where=where, expected="a number > 0", found=repr(value))


def per_group(optimizer: OptimizerType, name: str, values: float | Sequence[float]) -> list[float]:
    """Expand an argument to one value per parameter group.

    MMEngine's wrapper has one more group than its optimizer, which only records the base values; it gets the last value
    if the values are given one by one.

    Args:
        optimizer: an optimizer, or MMEngine's wrapper of one.
        name: of the argument, for the message.
        values: one number, or one per group of the optimizer.

    Returns:
        One value per group.

    Raises:
        BadInputError: the numbers of values and groups differ.
    """
    groups = len(optimizer.param_groups)
    if isinstance(values, (int, float)):
        return [float(values)] * groups
    values = [float(v) for v in values]
    wrapped = isinstance(optimizer, BaseOptimWrapper)
    own = len(optimizer.optimizer.param_groups) if wrapped else groups
    if len(values) == own:
        values += values[-1:] * (groups - own)
    if len(values) != groups:
        raise BadInputError(
            f"wrong {name}",
            expected=f"one number, or {own}: one per parameter group",
            found=f"{len(values)} numbers",
        )
    return values


def in_iterations(
    epoch_length: int,
    *,
    step_size_up: float = 2000,
    step_size_down: float | None = None,
    gamma: float = 1.0,
    begin: int = 0,
    end: int = INF,
    by_epoch: bool = True,
    **others: Any,
) -> dict[str, Any]:
    """Convert the arguments of a cyclic scheduler from epochs to iterations.

    Args:
        epoch_length: iterations per epoch.
        step_size_up, step_size_down, gamma, begin, end, by_epoch: see ``CyclicLR``; lengths in epochs.
        **others: passed on unchanged.

    Returns:
        All arguments, with ``by_epoch=False``.

    Raises:
        BadInputError: ``by_epoch`` is false, so they count iterations already.
    """
    if not by_epoch:
        raise BadInputError("convert_to_iter_based with by_epoch=False", expected="by_epoch=True")
    return {
        **others,
        "step_size_up": step_size_up * epoch_length,
        "step_size_down": None if step_size_down is None else step_size_down * epoch_length,
        "gamma": gamma ** (1 / epoch_length),
        "begin": int(begin * epoch_length),
        "end": end if end == INF else int(end * epoch_length),
        "by_epoch": False,
    }
