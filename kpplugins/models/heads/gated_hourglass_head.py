"""Stacked hourglasses as a heatmap head."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import PixelData
from mmpose.models.heads.base_head import BaseHead
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.registry import KEYPOINT_CODECS, MODELS
from torch import Tensor, nn

from kpplugins.models.blocks.hourglass import hourglass_with_features

MAX_STACKS = 8


@MODELS.register_module()
class GatedHourglassHead(BaseHead):
    """``num_stacks`` hourglasses in a row; each outputs heatmaps, which are supervised and passed to the next one.

    Gated by default: Bulat et al. 2020, "Toward fast and accurate human pose estimation via soft-gated skip
    connections" (arXiv 2002.11098); see ``GatedBlock`` for the gates and ``Hourglass`` for the hybrid with U-Net.
    ``gated=False`` is the stacked hourglass of Newell et al. 2016 (arXiv 1603.06937).

    Each hourglass is followed by a block, a 1×1 convolution with BN and ReLU, and a 1×1 convolution to K heatmaps. The
    next stack's input is the previous input plus a 1×1 convolution of these features and one of the heatmaps.

    Dimensions: N images, K keypoints, C channels, [H, W] features, equal to the heatmap's size.

    Args:
        in_channels: C of the backbone's features, and of every hourglass.
        out_channels: K. ``None`` in a config is filled from the dataset's schema before the model is built.
        num_stacks: 1 to 8.
        depth: how many times each hourglass halves the resolution.
        gated: gated blocks and concatenated skips, else vanilla.
        gate_init: initial α of every gate.
        loss: config of the heatmap loss; the sum over the stacks is minimised.
        decoder: config of the codec that turns heatmaps into keypoints.
        init_cfg: MMEngine's initialisation config. Default: Kaiming for convolutions, N(0, 0.001²) for heatmaps.

    Raises:
        ValueError: ``num_stacks`` outside 1-8, ``depth`` < 1, K not given, or features that 2^depth does not divide.
    """

    def __init__(
        self,
        in_channels: int = 256,
        out_channels: int | None = None,
        num_stacks: int = 1,
        depth: int = 4,
        gated: bool = True,
        gate_init: float = 1.0,
        loss: dict | None = None,
        decoder: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg or self.default_init_cfg)
        if not 1 <= num_stacks <= MAX_STACKS:
            raise ValueError(f"GatedHourglassHead.num_stacks: expected 1 to {MAX_STACKS}, found {num_stacks}")
        if depth < 1:
            raise ValueError(f"GatedHourglassHead.depth: expected 1 or more, found {depth}")
        if out_channels is None:
            raise ValueError(
                "GatedHourglassHead.out_channels: expected the number of keypoints, found None; "
                "load the config with kpplugins.load_config, which takes it from the dataset"
            )
        self.in_channels, self.out_channels, self.num_stacks, self.depth = (
            in_channels,
            out_channels,
            num_stacks,
            depth,
        )
        inner = range(num_stacks - 1)
        self.hourglasses = nn.ModuleList(
            hourglass_with_features(depth, in_channels, gated, gate_init) for _ in range(num_stacks)
        )
        self.heatmaps = nn.ModuleList(nn.Conv2d(in_channels, out_channels, 1) for _ in range(num_stacks))
        self.features_on = nn.ModuleList(nn.Conv2d(in_channels, in_channels, 1) for _ in inner)
        self.heatmaps_on = nn.ModuleList(nn.Conv2d(out_channels, in_channels, 1) for _ in inner)
        self.loss_module = MODELS.build(loss or dict(type="KeypointMSELoss", use_target_weight=True))
        self.decoder = KEYPOINT_CODECS.build(decoder) if decoder is not None else None
        self.to(memory_format=torch.channels_last)  # see HourglassStem

    @property
    def default_init_cfg(self) -> list[dict]:
        """Return the default initialisation: Kaiming, and small normal weights for the layers that output heatmaps."""
        small = dict(type="Normal", layer="Conv2d", std=0.001)
        return [dict(type="Kaiming", layer="Conv2d", override=dict(name="heatmaps", **small))]

    @property
    def divisor(self) -> int:
        """Return the number of which the features' height and width must be multiples."""
        return 2**self.depth

    def forward(self, feats: Sequence[Tensor]) -> list[Tensor]:
        """Map backbone features, the last one (N, C, H, W), to one heatmap tensor (N, K, H, W) per stack."""
        x = feats[-1]
        if x.shape[-1] % self.divisor or x.shape[-2] % self.divisor:
            raise ValueError(
                f"GatedHourglassHead: features of {x.shape[-1]}×{x.shape[-2]} (w×h) cannot be halved "
                f"{self.depth} times; "
                f"expected multiples of {self.divisor}; change the codec's input_size or the head's depth"
            )
        outputs: list[Tensor] = []
        for i, hourglass in enumerate(self.hourglasses):
            features = hourglass(x)
            outputs.append(_in_float32(self.heatmaps[i], features))
            if i + 1 < self.num_stacks:
                x = x + self.features_on[i](features) + self.heatmaps_on[i](outputs[-1])
        return outputs

    def loss(
        self, feats: Sequence[Tensor], batch_data_samples: Any, train_cfg: dict | None = None
    ) -> dict[str, Tensor]:
        """Return ``loss_kpt``, the sum over the stacks, and with several stacks each one's share, for the log only."""
        outputs = self.forward(feats)
        target = torch.stack([d.gt_fields.heatmaps for d in batch_data_samples])
        weights = torch.cat([d.gt_instance_labels.keypoint_weights for d in batch_data_samples])
        losses = [self.loss_module(output.float(), target, weights) for output in outputs]
        shares = {f"stack{i}": loss.detach() for i, loss in enumerate(losses)} if len(losses) > 1 else {}
        return {"loss_kpt": torch.stack(losses).sum(), **shares}

    def predict(self, feats: Any, batch_data_samples: Any, test_cfg: dict | None = None) -> Any:
        """Decode the keypoints of the last stack; ``test_cfg`` has ``flip_test`` and ``output_heatmaps`` as in MMPose.

        With ``flip_test``, ``feats`` is a list of two: the features of the images and of the mirrored images.
        """
        test_cfg = test_cfg or {}
        if test_cfg.get("flip_test", False):
            plain, mirrored = (self.forward(f)[-1] for f in feats)
            back = flip_heatmaps(
                mirrored,
                flip_mode="heatmap",
                flip_indices=batch_data_samples[0].metainfo["flip_indices"],
                shift_heatmap=test_cfg.get("shift_heatmap", False),
            )
            heatmaps = (plain + back) * 0.5
        else:
            heatmaps = self.forward(feats)[-1]
        predictions = self.decode(heatmaps.float())
        if test_cfg.get("output_heatmaps", False):
            return predictions, [PixelData(heatmaps=h) for h in heatmaps.detach()]
        return predictions


def _in_float32(layer: Any, x: Tensor) -> Tensor:
    """Apply the last layer; under autocast in float32, since bfloat16 has steps of 1/256 below 1."""
    if not torch.is_autocast_enabled(x.device.type):
        return layer(x)
    with torch.autocast(x.device.type, enabled=False):
        return layer(x.to(layer.weight.dtype))
