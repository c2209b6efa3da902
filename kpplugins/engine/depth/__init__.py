"""Parts of a backbone by their depth: learning rates that fall towards the input, and gradual unfreezing.

- ``depth_groups``                      the groups, of any backbone
- ``depth_optim_wrapper_constructor``   learning rates by depth
- ``unfreeze_hook``                     trains one group after the other

Adding a way to treat parts by depth: a module here that asks ``depth_groups``, and a special name in ``config.rules``.
"""

from kpplugins.engine.depth.depth_optim_wrapper_constructor import DepthOptimWrapperConstructor
from kpplugins.engine.depth.unfreeze_hook import UnfreezeHook

__all__ = ["DepthOptimWrapperConstructor", "UnfreezeHook"]
