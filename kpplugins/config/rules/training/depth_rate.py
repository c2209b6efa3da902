"""What special names for learning rates by depth have in common."""

from mmengine.config import ConfigDict

from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import name_of, value_at
from kpplugins.structures import BadInputError

_CONSTRUCTOR = "DepthOptimWrapperConstructor"
_OF_OTHERS = ("num_layers", "layer_decay_rate")
"""What MMPose's constructor for transformers reads, whose place ours takes."""
_KNOWN = ("DefaultOptimWrapperConstructor", "LayerDecayOptimWrapperConstructor", _CONSTRUCTOR)


class DepthRate(Rule):
    """A factor that ``DepthOptimWrapperConstructor`` reads from ``paramwise_cfg``."""

    needs = "a model with a backbone, and an optim_wrapper with an optimizer"

    def check(self) -> None:
        """Raise if the value is not a number > 0 and ≤ 1."""
        value = self.value
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not 0 < value <= 1:
            todo = 'to train no part of it: freeze = ["backbone"]' if number and value == 0 else ""
            raise BadInputError(
                "not a factor of the learning rate", where=self.name, expected="> 0, at most 1", found=repr(value),
                todo=todo,
            )  # fmt: skip

    def apply(self) -> None:
        """Set the factor, and the constructor that reads it."""
        wrapper = self.cfg.get("optim_wrapper")
        has_backbone = isinstance(value_at(self.cfg, ("model", "backbone")), dict)
        if not has_backbone or not isinstance((wrapper or {}).get("optimizer"), dict):
            return
        if name_of(wrapper.get("constructor") or _KNOWN[0]) not in _KNOWN:
            raise BadInputError(
                "the optimizer has a constructor of its own", where="optim_wrapper.constructor",
                found=name_of(wrapper.constructor), todo=f"leave it or {self.name} out",
            )  # fmt: skip
        kept = {k: v for k, v in (wrapper.get("paramwise_cfg") or {}).items() if k not in _OF_OTHERS}
        self.put(("optim_wrapper", "constructor"), _CONSTRUCTOR)
        self.put(("optim_wrapper", "paramwise_cfg"), ConfigDict({**kept, self.name: self.value}))
