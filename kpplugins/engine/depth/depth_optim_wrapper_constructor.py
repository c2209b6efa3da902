"""Learning rates by depth."""

import logging
from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor
from mmpose.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from kpplugins.engine.depth.depth_groups import depth_groups

logger = logging.getLogger(__name__)
_STARTS = "backbone."


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class DepthOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """MMEngine's constructor, whose rates of the backbone are multiplied by a factor, and by one per block.

    ``paramwise_cfg`` may have, besides what MMEngine's takes, ``backbone_lr``, a factor for the whole backbone, and
    ``layer_decay``, a factor for every block: the last one has it once, the one before twice, and so on (Clark et al.
    2020, ELECTRA, arXiv 2003.10555; any backbone, see ``depth_groups``).
    """

    def add_params(
        self, params: list[dict], module: nn.Module, prefix: str = "", is_dcn_module: Any = None
    ) -> None:
        """Add a module's parameters, each as a group with its rate."""
        super().add_params(params, module, prefix, is_dcn_module)
        if prefix:
            return  # of a part: the whole model comes last
        names = {id(parameter): name for name, parameter in module.named_parameters()}
        factors = lr_factors(
            list(names.values()),
            self.paramwise_cfg.get("backbone_lr") or 1.0,
            self.paramwise_cfg.get("layer_decay") or 1.0,
        )
        for group in params:
            factor = factors.get(names[id(group["params"][0])], 1.0)
            if factor != 1:
                group["lr"] = (group.get("lr") or self.base_lr or 0.0) * factor
        used = sorted(set(factors.values()))
        logger.info("learning rate of the backbone: %.3g to %.3g of the head's", used[0], used[-1])


def lr_factors(names: list[str], backbone_lr: float, layer_decay: float) -> dict[str, float]:
    """Return the factor of the learning rate of every parameter of the backbone.

    Args:
        names: of the model's parameters; those of the backbone begin with ``backbone.``.
        backbone_lr: factor of the whole backbone.
        layer_decay: factor from block to block.

    Returns:
        Factors by name.
    """
    groups = depth_groups(name.removeprefix(_STARTS) for name in names if name.startswith(_STARTS))
    return {
        f"{_STARTS}{name}": backbone_lr * layer_decay ** (len(groups) - depth)
        for depth, group in enumerate(groups)
        for name in group
    }
