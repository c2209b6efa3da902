"""``unfreeze``: a backbone that is trained block after block."""

from mmengine.config import ConfigDict

from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import is_type, value_at
from kpplugins.structures import BadInputError


class Unfreeze(Rule):
    """The number of epochs after which the whole backbone is trained."""

    name = "unfreeze"
    goes_to = (
        "`UnfreezeHook` in `custom_hooks`: the head is trained first, then block after block of the backbone, the "
        "whole of it after so many epochs: `10`"
    )
    needs = "a model with a backbone"

    def check(self) -> None:
        """Raise if the value is not a whole number ≥ 1."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or self.value < 1:
            raise BadInputError(
                "not a number of epochs", where="unfreeze", expected="≥ 1", found=repr(self.value)
            )

    def apply(self) -> None:
        """Set the hook; processes that train together must expect parameters without gradients."""
        if not isinstance(value_at(self.cfg, ("model", "backbone")), dict):
            return
        epochs = value_at(self.cfg, ("train_cfg", "max_epochs"))
        if isinstance(epochs, int) and self.value >= epochs:
            raise BadInputError(
                "the whole backbone would never be trained", where="unfreeze", expected=f"less than {epochs} epochs",
                found=str(self.value), todo='lower it, or freeze = ["backbone"]',
            )  # fmt: skip
        others = [hook for hook in self.cfg.get("custom_hooks") or [] if not is_type(hook, "UnfreezeHook")]
        self.put(("custom_hooks",), [*others, ConfigDict(type="UnfreezeHook", epochs=self.value)])
        self.cfg.find_unused_parameters = True
