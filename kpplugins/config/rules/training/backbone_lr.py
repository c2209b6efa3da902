"""``backbone_lr``: a learning rate of the backbone's own."""

from kpplugins.config.rules.training.depth_rate import DepthRate


class BackboneLr(DepthRate):
    """The factor of the backbone's learning rate."""

    name = "backbone_lr"
    goes_to = "`optim_wrapper.paramwise_cfg`: the backbone's learning rate as a factor of the head's: `0.1`"
