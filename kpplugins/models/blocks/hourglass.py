"""One hourglass, gated or vanilla."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from kpplugins.models.blocks.bottleneck_block import BottleneckBlock, pre_activated
from kpplugins.models.blocks.gated_block import GatedBlock

BlockMaker = Callable[[int, int], nn.Module]


def block_maker(gated: bool, gate_init: float) -> BlockMaker:
    """Return a function that builds residual blocks.

    Args:
        gated: ``GatedBlock``, else ``BottleneckBlock``.
        gate_init: initial α of gated blocks.

    Returns:
        A function (in_channels, out_channels) -> block.
    """
    if gated:
        return lambda in_channels, out_channels: GatedBlock(in_channels, out_channels, gate_init)
    return BottleneckBlock


class Hourglass(nn.Module):
    """One hourglass of a given depth: down by max-pooling, up by nearest-neighbour doubling, blocks in between.

    Gated (the hybrid of hourglass and U-Net of Bulat et al. 2020): at each level the encoder's features are
    concatenated with the decoder's and reduced to C channels by a pre-activated 1×1 convolution, so the skip needs no
    block of its own. Vanilla (Newell et al. 2016): the skip has a block, and the two are added.

    Args:
        depth: how many times the resolution is halved.
        channels: C, the same at every level.
        gated: the hybrid of the gated paper, else vanilla.
        gate_init: initial α of the gated blocks.

    Shapes: (N, C, H, W) to the same; H and W are multiples of 2^depth.
    """

    def __init__(self, depth: int, channels: int, gated: bool = True, gate_init: float = 1.0) -> None:
        super().__init__()
        block = block_maker(gated, gate_init)
        self.encoder = block(channels, channels)
        self.lower_in = nn.Identity() if gated else block(channels, channels)
        self.inner: nn.Module = (
            Hourglass(depth - 1, channels, gated, gate_init) if depth > 1 else block(channels, channels)
        )
        self.lower_out = block(channels, channels)
        self.fuse = pre_activated(2 * channels, channels, 1) if gated else None
        self.pool = nn.MaxPool2d(2)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        skip = self.encoder(x)
        lower = self.pool(x if self.fuse is None else skip)
        up = self.up(self.lower_out(self.inner(self.lower_in(lower))))
        return skip + up if self.fuse is None else self.fuse(torch.cat([skip, up], dim=1))


def hourglass_with_features(
    depth: int, channels: int, gated: bool = True, gate_init: float = 1.0
) -> nn.Sequential:
    """Build one stack: an hourglass, a block, and a 1×1 convolution with BN and ReLU.

    Args:
        depth, channels, gated, gate_init: see ``Hourglass``.

    Returns:
        A module from (N, C, H, W) to features of the same shape.
    """
    return nn.Sequential(
        Hourglass(depth, channels, gated, gate_init),
        block_maker(gated, gate_init)(channels, channels),
        pre_activated(channels, channels, 1),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )
