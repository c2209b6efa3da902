"""``pixels``: how images of more than 8 bits become 8 bits."""

from kpplugins.config.parts import step_paths
from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import is_type, name_of
from kpplugins.data.pixel_rule import PixelRule
from kpplugins.structures import BadInputError

_PLAIN, _OURS = "LoadImage", "LoadCachedImage"


class Pixels(Rule):
    """The rule for deep images, in every step that reads images; MMPose's plain one is replaced, as it has none."""

    name = "pixels"
    goes_to = (
        "`pixels` of every `LoadImage`, which becomes a `LoadCachedImage`: what is black and white in images of more "
        "than 8 bits, `dict(range=(0, 4095))` or `dict(percentile=(1, 99))`"
    )
    needs = "a LoadImage or LoadCachedImage step"

    def check(self) -> None:
        """Raise if the value is not a rule."""
        PixelRule.of(self.value)

    def apply(self) -> None:
        """Set it in the steps."""
        for path, step in step_paths(self.cfg):
            if not is_type(step, _PLAIN, _OURS):
                continue
            if is_type(step, _PLAIN):
                given = [key for key in step if key not in ("type", "_scope_")]
                if given:
                    raise BadInputError(
                        f"the step reads images by MMPose's arguments ({', '.join(given)}), which know no `pixels`",
                        where="pixels", todo=f"leave them out of the {name_of(step['type'])} step",
                    )  # fmt: skip
                self.put((*path, "cache_mb"), 0)
                # with the scope: a config of MMDetection's would look in its own registry
                self.put((*path, "type"), f"mmpose.{_OURS}")
            if self.inherited((*path, "pixels"), *self.before):
                self.put((*path, "pixels"), self.value)
