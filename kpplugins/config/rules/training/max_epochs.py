"""``max_epochs``: the length of training, and schedules that follow it."""

from typing import Any

from kpplugins.config.lengths import is_length, stretched
from kpplugins.config.rules.rule import Rule
from kpplugins.config.source import Layer
from kpplugins.config.values import value_at
from kpplugins.structures import BadInputError

_LENGTHS = ("end", "total_steps")
_IN_TRAIN_CFG = ("train_cfg", "max_epochs")


class MaxEpochs(Rule):
    """The number of epochs; what schedulers and hooks count in epochs is scaled in proportion.

    If a config has ``max_epochs`` at the top, it means the same as ``train_cfg.max_epochs``; the value of the nearer
    layer is used. A schedule that is written by the same layer as the value is not changed.
    """

    name = "max_epochs"
    goes_to = (
        "`train_cfg.max_epochs`; epochs of `param_scheduler`, and epochs at which hooks switch, keep their proportion "
        "to it"
    )
    needs = "a train_cfg that counts epochs"
    opt_in = False

    def check(self) -> None:
        """Raise if it is not a whole number ≥ 1, or if one file states two numbers."""
        inner = value_at(self.cfg, _IN_TRAIN_CFG)
        nearest = self.layer.origin(*_IN_TRAIN_CFG)
        if inner is not None and nearest is self.stated_by and self.layer.bases and inner != self.value:
            raise BadInputError(
                "max_epochs and train_cfg.max_epochs disagree", where=nearest.name, found=f"{self.value} and {inner}",
                todo="leave one of them out",
            )  # fmt: skip
        for value in (self.value, inner):
            whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
            if value is not None and not whole:
                raise BadInputError(
                    "max_epochs must be a whole number ≥ 1", where="max_epochs", found=repr(value)
                )

    def apply(self) -> None:
        """Set both numbers, and stretch what was written for another one."""
        train_cfg = self.cfg.get("train_cfg")
        if not train_cfg or train_cfg.get("max_iters") is not None or not train_cfg.get("by_epoch", True):
            return  # counted in iterations
        stated_by = self.layer.origin(*_IN_TRAIN_CFG)
        if self.own_use and stated_by.is_installed:
            return
        if train_cfg.get("max_epochs") is not None and self.stated_by in stated_by.below:
            epochs = train_cfg.max_epochs  # a layer above sets it in OpenMMLab's way
            self.put(("max_epochs",), epochs)
        elif train_cfg.get("max_epochs") is None or stated_by in self.stated_by.below:
            epochs, stated_by = self.value, self.stated_by
            self.put(_IN_TRAIN_CFG, epochs)
        else:
            self.reached = True
            return
        self._stretch_schedulers(epochs, stated_by)
        self._stretch_hooks(epochs, stated_by)

    def _stretch_schedulers(self, epochs: int, stated_by: Layer) -> None:
        written_by = self.layer.origin("param_scheduler")
        schedulers: Any = self.cfg.get("param_scheduler") or []
        several = isinstance(schedulers, (list, tuple))
        counting = [
            (("param_scheduler", i) if several else ("param_scheduler",), s)
            for i, s in enumerate(schedulers if several else [schedulers])
            if s.get("by_epoch", True)
        ]
        if written_by not in stated_by.below:
            return
        lengths = [s[key] for _, s in counting for key in _LENGTHS if is_length(s.get(key))]
        before = _epochs_of(written_by) or max(lengths, default=None)
        if before not in (None, epochs):
            for path, scheduler in counting:
                for key, value in stretched(scheduler, epochs / before).items():
                    self.put((*path, key), value)

    def _stretch_hooks(self, epochs: int, stated_by: Layer) -> None:
        """Scale the epochs of hooks that switch at an epoch, or for the last epochs."""
        for i, hook in enumerate(self.cfg.get("custom_hooks") or []):
            for key in ("switch_epoch", "num_last_epochs", "begin_epoch"):
                path = ("custom_hooks", i, key)
                written_by = self.layer.origin(*path)
                before = _epochs_of(written_by)
                if is_length(hook.get(key)) and before and written_by in stated_by.below:
                    self.put(path, round(hook[key] * epochs / before))


def _epochs_of(layer: Layer) -> int | None:
    """Return the number of epochs that a layer trains for; if two are stated, the nearer one."""
    inner, top = value_at(layer.values, _IN_TRAIN_CFG), value_at(layer.values, ("max_epochs",))
    over = layer.origin(*_IN_TRAIN_CFG) in layer.origin("max_epochs").below
    return top if inner is None or (top is not None and over) else inner
