"""``freeze``: parts of the model that are not trained."""

from mmengine.config import ConfigDict

from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import is_type
from kpplugins.structures import BadInputError


class Freeze(Rule):
    """Parts of the model that keep their weights and their statistics of batch norm."""

    name = "freeze"
    goes_to = (
        "`FreezeHook` in `custom_hooks`: parts of the model that keep their weights and batch-norm statistics: "
        '`["backbone"]`, `["backbone.layer1", "neck"]`'
    )
    needs = "a model"

    def check(self) -> None:
        """Raise if the value is not a list of names."""
        names = self.value
        listed = isinstance(names, (list, tuple)) and all(isinstance(n, str) and n for n in names)
        if not listed:
            raise BadInputError(
                "not a list of parts of the model", where="freeze", expected='["backbone"]', found=repr(names)
            )

    def apply(self) -> None:
        """Set the hook's parts; a hook that the config has already is replaced."""
        if not self.cfg.get("model"):
            return
        others = [hook for hook in self.cfg.get("custom_hooks") or [] if not is_type(hook, "FreezeHook")]
        own = [ConfigDict(type="FreezeHook", parts=list(self.value))] if self.value else []
        self.put(("custom_hooks",), [*others, *own])
