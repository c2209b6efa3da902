"""Newell's residual block."""

from torch import Tensor, nn


def pre_activated(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Sequential:
    """Build BN, ReLU and a convolution without bias.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kernel_size: side of the kernel, odd.
        stride: of the convolution.

    Returns:
        A module from (N, in_channels, H, W) to (N, out_channels, H/stride, W/stride).
    """
    return nn.Sequential(
        nn.BatchNorm2d(in_channels),
        nn.ReLU(inplace=True),
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, bias=False),
    )


class BottleneckBlock(nn.Module):
    """The residual module of Newell et al. 2016 (arXiv 1603.06937), with an ungated skip: ``y = S(x) + F(x)``.

    F is 1×1 to C/2, 3×3, 1×1 to C, each pre-activated; S as in ``GatedBlock``.

    Args:
        in_channels: channels of x.
        out_channels: C, divisible by 2.

    Shapes: (N, in_channels, H, W) to (N, out_channels, H, W).
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.residual = nn.Sequential(
            pre_activated(in_channels, half, 1),
            pre_activated(half, half, 3),
            pre_activated(half, out_channels, 1),
        )
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else pre_activated(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H, W)."""
        return self.shortcut(x) + self.residual(x)
