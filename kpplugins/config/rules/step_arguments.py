"""Names whose value is a dict of arguments for steps of the pipelines."""

from typing import ClassVar

from kpplugins.config.parts import step_paths
from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import is_type
from kpplugins.structures import BadInputError


class StepArguments(Rule):
    """Arguments for every step of some types.

    Attributes:
        types: of the steps.
        example: of a value, for the message.
    """

    types: ClassVar[tuple[str, ...]]
    example: ClassVar[str]

    def check(self) -> None:
        """Raise if the value is not a dict."""
        if not isinstance(self.value, dict):
            raise BadInputError(
                "not a dict of arguments", where=self.name, expected=self.example, found=repr(self.value)
            )

    def apply(self) -> None:
        """Set each argument in every step that does not state it itself."""
        for path, step in step_paths(self.cfg):
            if not is_type(step, *self.types):
                continue
            self.reached = True
            for key, value in self.value.items():
                before = [old[key] for old in self.before if isinstance(old, dict) and key in old]
                if self.inherited((*path, key), *before):
                    self.put((*path, key), value)
