"""``box_padding``: how much more than the box a top-down model sees."""

from kpplugins.config.parts import step_paths
from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import is_type
from kpplugins.structures import BadInputError


class BoxPadding(Rule):
    """The factor by which boxes are enlarged."""

    name = "box_padding"
    goes_to = "`padding` of every `GetBBoxCenterScale`: how much more than the box is looked at"
    needs = "a GetBBoxCenterScale step"

    def check(self) -> None:
        """Raise if the value is not a number."""
        if not isinstance(self.value, (int, float)) or isinstance(self.value, bool):
            raise BadInputError("not a number", where="box_padding", expected="1.25", found=repr(self.value))

    def apply(self) -> None:
        """Set it in the steps."""
        self.spread(
            (*path, "padding") for path, step in step_paths(self.cfg) if is_type(step, "GetBBoxCenterScale")
        )
