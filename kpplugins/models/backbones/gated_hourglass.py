"""Stacked hourglasses that output their features."""

import torch
from mmpose.models.backbones.base_backbone import BaseBackbone
from mmpose.registry import MODELS
from torch import Tensor, nn

from kpplugins.models.backbones.hourglass_stem import HourglassStem
from kpplugins.models.blocks.hourglass import hourglass_with_features
from kpplugins.structures import BadInputError


@MODELS.register_module()
class GatedHourglass(BaseBackbone):
    """``num_stacks`` hourglasses in a row at a quarter of the image's resolution; each one outputs features.

    The network of ``HourglassStem`` and ``GatedHourglassHead`` (Bulat et al. 2020, arXiv 2002.11098; ``gated=False``:
    Newell et al. 2016, arXiv 1603.06937) without its heatmaps, for heads with outputs of their own, such as
    ``CenterNetPoseHead``. Each hourglass is followed by a block and a 1×1 convolution with BN and ReLU, which yield the
    features of the stack. The next stack's input is the previous input plus a 1×1 convolution of these features.

    Args:
        channels: C, of every hourglass and of the features, divisible by 16.
        num_stacks: number of hourglasses, 1 or more.
        depth: how many times each one halves the resolution.
        gated: gated blocks and concatenated skips, else vanilla.
        gate_init: initial α of every gate.
        init_cfg: MMEngine's initialisation config. Default: Kaiming for convolutions.

    Shapes: (N, 3, H, W) to a tuple of ``num_stacks`` (N, C, H/4, W/4); H and W are multiples of 4 · 2^depth.

    Raises:
        BadInputError: ``num_stacks`` or ``depth`` below 1; an image that cannot be halved so often.
        ValueError: C not divisible by 16.
    """

    STRIDE = 4

    def __init__(
        self,
        channels: int = 64,
        num_stacks: int = 1,
        depth: int = 4,
        gated: bool = True,
        gate_init: float = 1.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg or dict(type="Kaiming", layer="Conv2d"))
        for name, value in (("num_stacks", num_stacks), ("depth", depth)):
            if value < 1:
                raise BadInputError(
                    f"wrong {name} of GatedHourglass", where=f"model.backbone.{name}", expected="1 or more",
                    found=str(value),
                )  # fmt: skip
        self.depth, self.num_stacks = depth, num_stacks
        self.stem = HourglassStem(channels, gated, gate_init)
        self.hourglasses = nn.ModuleList(
            hourglass_with_features(depth, channels, gated, gate_init) for _ in range(num_stacks)
        )
        self.features_on = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(num_stacks - 1))
        self.to(memory_format=torch.channels_last)  # see HourglassStem

    @property
    def divisor(self) -> int:
        """Return the number of which the image's height and width must be multiples."""
        return self.STRIDE * 2**self.depth

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map (N, 3, H, W) to a tuple with one (N, C, H/4, W/4) per stack."""
        height, width = x.shape[-2:]
        if height % self.divisor or width % self.divisor:
            raise BadInputError(
                f"an input that cannot be reduced to a quarter and halved {self.depth} times",
                where="codec.input_size",
                expected=f"multiples of {self.divisor} (model.backbone.depth is {self.depth})",
                found=f"{width}×{height}", todo="change input_size or the depth",
            )  # fmt: skip
        (x,) = self.stem(x)
        features: list[Tensor] = []
        for i, hourglass in enumerate(self.hourglasses):
            features.append(hourglass(x))
            if i + 1 < self.num_stacks:
                x = x + self.features_on[i](features[-1])
        return tuple(features)
