"""``layer_decay``: learning rates that fall from block to block."""

from kpplugins.config.rules.training.depth_rate import DepthRate


class LayerDecay(DepthRate):
    """The factor of the learning rate from a block of the backbone to the one before it."""

    name = "layer_decay"
    goes_to = (
        "`optim_wrapper.paramwise_cfg`: the learning rate of each block of the backbone, of any kind, as a factor of "
        "that behind it: `0.75`"
    )
