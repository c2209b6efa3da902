"""``feature_cache``: the features of a frozen backbone are computed once."""

from mmengine.config import ConfigDict

from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import is_type, value_at
from kpplugins.structures import BadInputError


class FeatureCache(Rule):
    """The number of views of every image whose features are kept."""

    name = "feature_cache"
    goes_to = (
        "`FeatureCacheHook` in `custom_hooks`: the frozen backbone sees every training image in so many augmented "
        "views, once, and the head is trained on its features: `4`; with `freeze`"
    )
    needs = "a model with a backbone and a head"

    def check(self) -> None:
        """Raise if the value is not a whole number ≥ 1."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or self.value < 1:
            raise BadInputError(
                "not a number of views", where="feature_cache", expected="≥ 1", found=repr(self.value)
            )

    def apply(self) -> None:
        """Set the hook."""
        if not all(isinstance(value_at(self.cfg, ("model", part)), dict) for part in ("backbone", "head")):
            return
        hooks = self.cfg.get("custom_hooks") or []
        if not any("backbone" in hook.get("parts", ()) for hook in hooks if is_type(hook, "FreezeHook")):
            raise BadInputError(
                "feature_cache needs a frozen backbone", where="feature_cache", todo='freeze = ["backbone"]'
            )
        others = [hook for hook in hooks if not is_type(hook, "FeatureCacheHook")]
        self.put(("custom_hooks",), [*others, ConfigDict(type="FeatureCacheHook", views=self.value)])
