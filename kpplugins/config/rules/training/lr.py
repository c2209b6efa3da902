"""``lr``: the learning rate, and schedules that follow it."""

from typing import Any

from kpplugins.config.rules.rule import Rule
from kpplugins.config.source import Layer
from kpplugins.config.values import value_at
from kpplugins.structures import BadInputError

_IN_OPTIMIZER = ("optim_wrapper", "optimizer", "lr")
_RATES = ("eta_max", "base_lr", "max_lr", "eta_min", "min_value")


class Lr(Rule):
    """The learning rate of the optimizer; the rates that schedulers state keep their proportion to it.

    If a config has ``lr`` at the top, it means the same as ``optim_wrapper.optimizer.lr``; the value of the nearer
    layer is used. A schedule that is written by the same layer as the value is not changed.
    """

    name = "lr"
    goes_to = (
        "`optim_wrapper.optimizer.lr`; rates that `param_scheduler` states (`eta_max`, `base_lr`, `max_lr`, `eta_min`) "
        "keep their proportion to it"
    )
    needs = "an optim_wrapper with an optimizer"
    opt_in = False

    def check(self) -> None:
        """Raise if a rate is not a number > 0, or if one file states two rates."""
        inner = value_at(self.cfg, _IN_OPTIMIZER)
        nearest = self.layer.origin(*_IN_OPTIMIZER)
        if inner is not None and nearest is self.stated_by and self.layer.bases and inner != self.value:
            raise BadInputError(
                "lr and optim_wrapper.optimizer.lr disagree", where=nearest.name, found=f"{self.value} and {inner}",
                todo="leave one of them out",
            )  # fmt: skip
        for value in (self.value, inner):
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and not (number and value > 0):
                raise BadInputError("not a learning rate", where="lr", expected="> 0", found=repr(value))

    def apply(self) -> None:
        """Set both numbers, and scale the rates that were written for another one."""
        wrapper = self.cfg.get("optim_wrapper")
        if not wrapper or not isinstance(wrapper.get("optimizer"), dict):
            return
        stated_by = self.layer.origin(*_IN_OPTIMIZER)
        if self.own_use and stated_by.is_installed:
            return
        rate, inner = self.value, value_at(self.cfg, _IN_OPTIMIZER)
        if inner is not None and self.stated_by in stated_by.below:
            rate = inner  # a layer above sets it in OpenMMLab's way
            self.put(("lr",), rate)
        elif inner is None or stated_by in self.stated_by.below:
            stated_by = self.stated_by
            self.put(_IN_OPTIMIZER, rate)
        self.reached = True
        self._scale_schedulers(rate, stated_by)

    def _scale_schedulers(self, rate: float, stated_by: Layer) -> None:
        schedulers: Any = self.cfg.get("param_scheduler") or []
        several = isinstance(schedulers, (list, tuple))
        for i, scheduler in enumerate(schedulers if several else [schedulers]):
            holder = ("param_scheduler", i) if several else ("param_scheduler",)
            for key in (key for key in _RATES if scheduler.get(key)):
                written_by = self.layer.origin(*holder, key)
                before = _rate_of(written_by)
                if before and before != rate and written_by in stated_by.below:
                    self.put((*holder, key), _scaled(scheduler[key], rate, before))


def _rate_of(layer: Layer) -> float | None:
    """Return the learning rate at a layer."""
    inner, top = value_at(layer.values, _IN_OPTIMIZER), value_at(layer.values, ("lr",))
    over = layer.origin(*_IN_OPTIMIZER) in layer.origin("lr").below
    return top if inner is None or (isinstance(top, (int, float)) and over) else inner


def _scaled(value: Any, rate: float, before: float) -> Any:
    """Return rates in proportion; a rate equal to the earlier one becomes exactly the new one."""
    if isinstance(value, (list, tuple)):
        return [_scaled(v, rate, before) for v in value]
    return rate if value == before else value * (rate / before)
