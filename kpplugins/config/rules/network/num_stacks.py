"""``num_stacks``: the number of stacked hourglasses."""

from kpplugins.config.rules.rule import Rule
from kpplugins.structures import BadInputError


class NumStacks(Rule):
    """The number of stacks of every part of the model that is stacked."""

    name = "num_stacks"
    goes_to = "`num_stacks` of the model's head and backbone, where they are stacked"
    needs = "a part of the model that has num_stacks"

    def check(self) -> None:
        """Raise if the value is not a whole number ≥ 1."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or self.value < 1:
            raise BadInputError(
                "not a number of stacks", where="num_stacks", expected="≥ 1", found=repr(self.value)
            )

    def apply(self) -> None:
        """Set it in the parts."""
        parts = (self.cfg.get("model") or {}).items()
        self.spread(
            ("model", name, "num_stacks")
            for name, part in parts
            if isinstance(part, dict) and "num_stacks" in part
        )
