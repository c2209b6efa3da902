"""The layers before the first hourglass."""

import torch
from mmpose.models.backbones.base_backbone import BaseBackbone
from mmpose.registry import MODELS
from torch import Tensor, nn

from kpplugins.models.blocks.hourglass import block_maker


@MODELS.register_module()
class HourglassStem(BaseBackbone):
    """Layers from an image to features at a quarter of its resolution (Newell et al. 2016, section 3.1).

    7×7 convolution with stride 2 to C/4, BN, ReLU; a block to C/2; 2×2 max-pooling; a block at C/2; a block to C.
    For C = 256 these are the paper's 64, 128 and 256 channels.

    Args:
        channels: C, divisible by 16 (the blocks divide C/2 by 4, and widths stay multiples of 2).
        gated: blocks with gated skips, else Newell's.
        gate_init: initial α of the gated blocks.
        init_cfg: MMEngine's initialisation config, e.g. ``dict(type='Pretrained', checkpoint=…)``.

    Shapes: (N, 3, H, W) to a tuple of one (N, C, H/4, W/4).

    Raises:
        ValueError: C not divisible by 16.
    """

    STRIDE = 4

    def __init__(
        self, channels: int = 256, gated: bool = True, gate_init: float = 1.0, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg=init_cfg or dict(type="Kaiming", layer="Conv2d"))
        if channels % 16:
            raise ValueError(f"HourglassStem.channels: expected a multiple of 16, found {channels}")
        block = block_maker(gated, gate_init)
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels // 4, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(channels // 4),
            nn.ReLU(inplace=True),
            block(channels // 4, channels // 2),
            nn.MaxPool2d(2),
            block(channels // 2, channels // 2),
            block(channels // 2, channels),
        )
        self.to(
            memory_format=torch.channels_last
        )  # 1.4 to 1.7 times as fast in training on a CPU (docs/results.md)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Map (N, 3, H, W) to a tuple of one (N, C, H/4, W/4)."""
        return (self.stem(x),)
