"""A small encoder-decoder whose features are as large as the image."""

import torch
from mmpose.models.backbones.base_backbone import BaseBackbone
from mmpose.registry import MODELS
from torch import Tensor, nn

from kpplugins.structures import BadInputError


@MODELS.register_module()
class EncoderDecoder(BaseBackbone):
    """A U-Net from an image to features at its full resolution (Ronneberger et al. 2015, arXiv 1505.04597).

    Each level has two padded 3×3 convolutions with BN and ReLU; 2×2 max-pooling on the way down, nearest-neighbour
    doubling on the way up, where the encoder's features of the same size are concatenated. Level i has C · 2^i
    channels, at most ``max_channels``. The CAT recipe specifies only an encoder and decoder for 64×64; ``skips=False``
    is the plain autoencoder.

    Args:
        channels: C, of the first level and of the features.
        depth: how many times the resolution is halved; the image's sides must be multiples of 2^depth.
        max_channels: limit for every level.
        skips: concatenate the encoder's features on the way up.
        init_cfg: MMEngine's initialisation config, e.g. ``dict(type='Pretrained', checkpoint=…)``.

    Shapes: (N, 3, H, W) to a tuple of one (N, C, H, W).

    Raises:
        BadInputError: ``channels``, ``depth`` or ``max_channels`` below 1; an image that 2^depth does not divide.
    """

    STRIDE = 1

    def __init__(
        self,
        channels: int = 16,
        depth: int = 4,
        max_channels: int = 128,
        skips: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg or dict(type="Kaiming", layer="Conv2d"))
        for name, value in (("channels", channels), ("depth", depth), ("max_channels", max_channels)):
            if value < 1:
                raise BadInputError(
                    f"wrong {name} of EncoderDecoder",
                    where=f"model.backbone.{name}",
                    expected="1 or more",
                    found=str(value),
                )
        self.depth, self.skips = depth, skips
        widths = [channels, *(min(channels * 2**i, max(channels, max_channels)) for i in range(1, depth + 1))]
        self.down = nn.ModuleList(
            _two_convolutions(before, after) for before, after in zip([3, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(
            _two_convolutions(widths[i + 1] + (widths[i] if skips else 0), widths[i]) for i in range(depth)
        )
        self.pool = nn.MaxPool2d(2)
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")

    @property
    def divisor(self) -> int:
        """Return the number of which the image's height and width must be multiples."""
        return 2**self.depth

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Map (N, 3, H, W) to a tuple of one (N, C, H, W)."""
        height, width = x.shape[-2:]
        if height % self.divisor or width % self.divisor:
            raise BadInputError(
                f"an input that cannot be halved {self.depth} times",
                where="codec.input_size",
                expected=f"multiples of {self.divisor} (model.backbone.depth is {self.depth})",
                found=f"{width}×{height}",
                todo="change input_size or the depth",
            )
        levels = [self.down[0](x)]
        for down in list(self.down)[1:]:
            levels.append(down(self.pool(levels[-1])))
        x = levels[-1]
        for i in reversed(range(self.depth)):
            x = self.enlarge(x)
            x = self.up[i](torch.cat([levels[i], x], dim=1) if self.skips else x)
        return (x,)


def _two_convolutions(in_channels: int, out_channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before in (in_channels, out_channels):
        layers += [
            nn.Conv2d(before, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)
