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
    """The learning rate goes up and down between two bounds (Smith, WACV 2017, arXiv 1506.01186).

    ``triangular`` keeps the height of every cycle, ``triangular2`` halves it after each cycle, and ``exp_range``
    multiplies it by ``gamma`` at each step. Arguments and values are those of ``torch.optim.lr_scheduler.CyclicLR``,
    in the frame of MMEngine's schedulers: steps are iterations with ``by_epoch=False``, epochs with ``by_epoch=True``
    (one value an epoch), and numbers of epochs but one value an iteration with ``by_epoch=True,
    convert_to_iter_based=True``. Steps count from ``begin``; from ``end`` on the rate stays as it is. Momentum has a
    scheduler of its own, ``CyclicMomentum``.

    Args:
        optimizer: given by the Runner.
        base_lr: lower bound, one number for all parameter groups or one a group. ``None``: each group's own rate as
            the optimizer has it, so that ``lr_mult`` of ``paramwise_cfg`` is kept.
        max_lr: upper bound, as ``base_lr``. One number with ``base_lr=None`` is the bound of a group that has the
            optimizer's rate; the other groups keep their proportion to it.
        step_size_up: steps of the rising half, > 0.
        step_size_down: steps of the falling half. Default: as many as up.
        mode: ``triangular``, ``triangular2`` or ``exp_range``.
        gamma: factor a step of ``exp_range``, > 0.
        begin: step at which it starts to act.
        end: step at which it stops.
        last_step: steps done so far, for going on without ``state_dict``; -1 starts.
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
        """One that changes every iteration, from numbers of epochs.

        Args:
            *args: as of the class.
            epoch_length: iterations of an epoch.
            **kwargs: as of the class; ``begin``, ``end``, ``step_size_up`` and ``step_size_down`` in epochs, ``gamma``
                an epoch.
        """
        return cls(*args, **in_iterations(epoch_length, **kwargs))

    def load_state_dict(self, state_dict: dict) -> None:
        """Go on where a checkpoint was; ``end`` is that of this run, which may be longer."""
        super().load_state_dict({**state_dict, "end": self.end})

    def _get_value(self) -> list[float]:
        height = cycle_height(self.last_step, self.step_size_up, self.step_size_down, self.mode, self.gamma)
        return [low + (high - low) * height for low, high in zip(self.lower, self.upper, strict=True)]


def cycle_height(step: int, up: float, down: float, mode: str, gamma: float) -> float:
    """Where in its cycle a step is: 0 at the lower bound, 1 at the upper.

    Args:
        step: from 0.
        up: steps of the rising half.
        down: steps of the falling half.
        mode: one of ``MODES``.
        gamma: factor a step of ``exp_range``.
    """
    cycle, position = divmod(step, up + down)
    height = position / up if position <= up else (up + down - position) / down
    if mode == "triangular2":
        return height * 0.5**cycle
    return height * gamma**step if mode == "exp_range" else height


def check_cycle(where: str, up: float, down: float | None, mode: str, gamma: float) -> None:
    """Stop at a cycle that cannot be.

    Raises:
        BadInputError: naming the argument of the scheduler ``where``.
    """
    if mode not in MODES:
        raise BadInputError("unknown mode", where=where, expected=", ".join(MODES), found=repr(mode))
    for name, value in (("step_size_up", up), ("step_size_down", down), ("gamma", gamma)):
        if value is not None and not (isinstance(value, (int, float)) and value > 0):
            raise BadInputError(f"wrong {name}", where=where, expected="a number > 0", found=repr(value))


def per_group(optimizer: OptimizerType, name: str, values: float | Sequence[float]) -> list[float]:
    """One value a parameter group.

    MMEngine's wrapper has one group more than its optimizer, which only records the base values; it gets the last
    value where the others are given one by one.

    Raises:
        BadInputError: another number of values than of groups.
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
            expected=f"one number, or {own}: one a parameter group",
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
    """Arguments of a cyclic scheduler counted in epochs, counted in iterations.

    Raises:
        BadInputError: they are counted in iterations already.
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
