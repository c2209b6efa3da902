"""How much of a backbone is trained, and how fast: rates by depth, gradual unfreezing, features of a frozen one.

- ``depth_groups``                      the groups, of any backbone
- ``depth_optim_wrapper_constructor``   learning rates by depth
- ``feature_cache_hook``                computes the features of a frozen backbone once
- ``unfreeze_hook``                     trains one group after the other

Adding a way to treat parts by depth: a module here that asks ``depth_groups``, and a special name in ``config.rules``.
"""

from kpplugins.engine.depth.depth_optim_wrapper_constructor import DepthOptimWrapperConstructor
from kpplugins.engine.depth.feature_cache_hook import FeatureCacheHook
from kpplugins.engine.depth.unfreeze_hook import UnfreezeHook

__all__ = ["DepthOptimWrapperConstructor", "FeatureCacheHook", "UnfreezeHook"]
