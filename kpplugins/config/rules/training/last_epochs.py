"""``last_epochs``: other augmentation at the end of the training."""

from typing import Any

from mmengine.config import ConfigDict

from kpplugins.config.parts import step_paths
from kpplugins.config.rules.box_augment import BoxAugment
from kpplugins.config.rules.image_augment import ImageAugment
from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import is_type
from kpplugins.structures import BadInputError

_AUGMENTS = {rule.name: rule.types for rule in (BoxAugment, ImageAugment)}
_EXAMPLE = "dict(share=0.2, box_augment=dict(rotate_prob=0.0)), or image_augment"


class LastEpochs(Rule):
    """A share of the epochs, and the augmentation in them."""

    name = "last_epochs"
    goes_to = (
        "`LastEpochsHook` in `custom_hooks`: other arguments of `box_augment` or `image_augment` in a last share of "
        "the epochs: `dict(share=0.2, box_augment=dict(rotate_prob=0.0))`; `None` for none"
    )
    needs = "a step that augments boxes or images"

    def check(self) -> None:
        """Raise if the value is not a share with augmentation."""
        value = self.value
        if value is not None and not (
            isinstance(value, dict)
            and isinstance(value.get("share"), float)
            and 0 < value["share"] < 1
            and set(value) > {"share"}
            and set(value) <= {"share", *_AUGMENTS}
            and all(isinstance(value[key], dict) for key in set(value) - {"share"})
        ):
            raise BadInputError(
                "not a share with augmentation", where=self.name, expected=_EXAMPLE, found=repr(value)
            )

    def apply(self) -> None:
        """Set the hook."""
        hooks = self.cfg.get("custom_hooks") or []
        others = [hook for hook in hooks if not is_type(hook, "LastEpochsHook")]
        if self.value is None:
            self.put(("custom_hooks",), others)
            return
        if any(is_type(hook, "FeatureCacheHook") for hook in hooks):
            raise BadInputError(
                "features that are computed once are not augmented again", where=self.name,
                todo=f"leave {self.name} or feature_cache out",
            )  # fmt: skip
        steps: dict[str, Any] = {}
        for key in (key for key in _AUGMENTS if key in self.value):
            found = {
                step["type"] if isinstance(step["type"], str) else step["type"].__name__
                for path, step in step_paths(self.cfg)
                if path[0] == "train_dataloader" and is_type(step, *_AUGMENTS[key])
            }
            if not found:
                return
            steps |= {name.rpartition(".")[2]: dict(self.value[key]) for name in found}
        hook = ConfigDict(type="LastEpochsHook", share=self.value["share"], steps=steps)
        self.put(("custom_hooks",), [*others, hook])
