"""The residual block with a gated skip."""

import torch
from torch import Tensor, nn

from kpplugins.models.blocks.bottleneck_block import pre_activated


class GatedBlock(nn.Module):
    """Hierarchical block with a soft-gated skip: ``y = α · S(x) + F(x)`` (Bulat et al. 2020, arXiv 2002.11098).

    F is three pre-activated 3×3 convolutions in a row, BN-ReLU-conv each, to C/2, C/4 and C/4 channels; their three
    outputs concatenated are F(x). S is the identity, or a pre-activated 1×1 convolution where the number of channels
    changes. α is a learnable vector with one value per channel, shared by all positions and all images.

    The paper argues that a plain residual sum passes on every channel of x at full strength, and that small networks
    benefit most from scaling each channel. The text of the paper does not give the initial α, and public
    re-implementations differ (0, normal noise, 1). The default here is 1: training starts from the plain residual
    network, and the gates adapt from there.

    Args:
        in_channels: channels of x.
        out_channels: C, divisible by 4.
        gate_init: initial value of every α.

    Shapes: (N, in_channels, H, W) to (N, out_channels, H, W).
    """

    def __init__(self, in_channels: int, out_channels: int, gate_init: float = 1.0) -> None:
        super().__init__()
        half, quarter = out_channels // 2, out_channels // 4
        self.conv1 = pre_activated(in_channels, half, 3)
        self.conv2 = pre_activated(half, quarter, 3)
        self.conv3 = pre_activated(quarter, quarter, 3)
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else pre_activated(in_channels, out_channels, 1)
        self.alpha = nn.Parameter(torch.full((1, out_channels, 1, 1), float(gate_init)))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H, W)."""
        first = self.conv1(x)
        second = self.conv2(first)
        third = self.conv3(second)
        return self.alpha * self.shortcut(x) + torch.cat([first, second, third], dim=1)
