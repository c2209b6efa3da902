"""Regression of coordinates by fully connected layers."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from mmpose.models.heads.base_head import BaseHead
from mmpose.models.utils.tta import flip_coordinates
from mmpose.registry import KEYPOINT_CODECS, MODELS
from torch import Tensor, nn

from kpplugins.structures import BadInputError

XY, XY_AND_SIGMAS = 2, 4
"""Outputs per keypoint: its coordinates, or these and the spread of each."""
SMOOTH_L1 = dict(type="SoftWeightSmoothL1Loss", supervise_empty=False, beta=0.01)
"""MMPose's ``SmoothL1Loss`` turns from L2 to L1 at an error of 1, the width of the image; this one at 1 % of it."""

POSITIONS = "positions"
"""``pool`` for where each channel's features are."""


@MODELS.register_module()
class DirectFCHead(BaseHead):
    """Fully connected layers on a classification backbone that output coordinates.

    Toshev and Szegedy 2014, "DeepPose" (arXiv 1312.4659); with ``RLELoss`` Li et al. 2021, "Human Pose Regression with
    Residual Log-likelihood Estimation" (arXiv 2107.11291), where each coordinate also has a sigma. It needs no decoder
    network and is accurate to fractions of a pixel, but on COCO plain regression loses about 18 AP to heatmaps, most of
    which RLE recovers: R50 at 256×192 has 54.1 AP, 70.6 with RLE, 71.8 with heatmaps (MMPose 1.3.2's model zoo,
    ``configs/body_2d_keypoint/topdown_regression/coco/resnet_coco.md`` and ``resnet_rle_coco.md``,
    ``topdown_heatmap/coco/resnet_coco.md``).

    Outputs and losses are in the codec's units, which for ``RegressionLabel`` are fractions of the input's width and
    height: only the codec converts them. Thresholds of a loss must be in the same units: Wing's 10 and 2 pixels of a
    face of 256 are ``omega=0.04, epsilon=0.008``. Coordinates are computed in float32 even under automatic mixed
    precision, since bfloat16 has only 128 numbers between 0.5 and 1.

    Dimensions: N images, K keypoints, D outputs per keypoint: (x, y), or with RLE (x, y, σx, σy) where the σ are before
    their sigmoid; C channels and [W, H] size of the backbone's last features.

    Scores: 1 for every keypoint, which is not informative; with RLE 1 - the mean of σx and σy, as in MMPose.

    Args:
        in_channels: C.
        out_channels: K. ``None`` in a config is filled from the dataset's schema before the model is built.
        hidden_channels: widths of fully connected layers with ReLU before the last one.
        dropout: share of values dropped after each hidden layer, or of the features if there is none.
        pool: ``True``: the mean of each channel over the image. ``"positions"``: where each channel's features are, the
            mean (x, y) under the softmax over its cells (Finn et al. 2016, "Deep Spatial Autoencoders for Visuomotor
            Learning", arXiv 1509.06113), with one learnable sharpness a channel. ``False``: all C·W·H features.
        in_featuremap_size: [W, H], for ``pool=False``. Default: the codec's ``input_size`` divided by ``stride``.
        stride: input pixels per feature, a divisor of the codec's ``input_size``. 32 for VGG-16 and every ResNet.
        outputs_per_point: D, 2 or 4. Default: as the loss requires.
        loss: config of a loss with the arguments (predicted, target, weight), or (predicted, sigma, target, weight)
            as ``RLELoss``. ``use_target_weight`` is true unless stated. Default: ``SMOOTH_L1``.
        decoder: config of the codec.
        init_cfg: MMEngine's initialisation config. Default: Kaiming for hidden layers; the last layer starts with all
            keypoints near the middle of the image.

    Raises:
        BadInputError: K is missing; ``pool`` is none of the three; D does not match the loss; ``stride`` does not
            divide the input size; the size of the features is missing or does not match the input or the backbone.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        hidden_channels: Sequence[int] = (),
        dropout: float = 0.0,
        pool: bool | str = True,
        in_featuremap_size: Sequence[int] | None = None,
        stride: int = 32,
        outputs_per_point: int | None = None,
        loss: dict | None = None,
        decoder: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if out_channels is None:
            raise BadInputError(
                "the number of keypoints is not given",
                where="model.head.out_channels",
                found="None",
                todo="load the config with kpplugins.load_config, which takes it from the dataset",
            )
        self.in_channels, self.out_channels, self.pool = in_channels, out_channels, pool
        self.loss_module = MODELS.build({"use_target_weight": True, **(loss or SMOOTH_L1)})
        self.outputs_per_point = _outputs_for(self.loss_module, out_channels, outputs_per_point)
        self.decoder = KEYPOINT_CODECS.build(decoder) if decoder is not None else None
        self.in_featuremap_size = _feature_size(
            getattr(self.decoder, "input_size", None), in_featuremap_size, stride
        )
        if pool not in (True, False, POSITIONS):
            raise BadInputError(
                "no such way to pool features", where="model.head.pool", expected=f"True, False or {POSITIONS!r}",
                found=repr(pool),
            )  # fmt: skip
        if pool == POSITIONS:
            self.sharpness = nn.Parameter(torch.ones(in_channels))
            width = XY * in_channels
        elif pool:
            width = in_channels
        elif self.in_featuremap_size is not None:
            width = in_channels * self.in_featuremap_size[0] * self.in_featuremap_size[1]
        else:
            raise BadInputError(
                "flattened features of unknown size",
                where="model.head.in_featuremap_size",
                expected="(W, H), or a decoder with an input_size",
                found="None",
            )
        self.hidden = _hidden_layers(width, hidden_channels, dropout)
        self.last = nn.Linear(
            hidden_channels[-1] if hidden_channels else width, out_channels * self.outputs_per_point
        )
        self._begin_in_the_middle()

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Map backbone features, the last one (N, C, H, W), to (N, K, D) float32; σ before their sigmoid."""
        x = feats[-1]
        self._check(x)
        if self.pool == POSITIONS:
            x = positions_of(x, self.sharpness)
        else:
            x = x.mean(dim=(2, 3)) if self.pool else x.flatten(1)
        x = self.hidden(x)
        if torch.is_autocast_enabled(x.device.type):
            with torch.autocast(x.device.type, enabled=False):
                x = self.last(x.to(self.last.weight.dtype))
        else:
            x = self.last(x)
        return x.unflatten(-1, (self.out_channels, self.outputs_per_point))

    def loss(
        self, feats: Sequence[Tensor], batch_data_samples: Any, train_cfg: dict | None = None
    ) -> dict[str, Tensor]:
        """Return ``loss_kpt``; keypoints of weight 0 are ignored, and it is 0 if all weights are 0."""
        outputs = self.forward(feats).float()
        labels = torch.cat([d.gt_instance_labels.keypoint_labels for d in batch_data_samples])
        weights = torch.cat([d.gt_instance_labels.keypoint_weights for d in batch_data_samples])[..., None]
        labels = torch.where(weights > 0, labels, 0.0)  # absent ones may be anything, even infinite
        with torch.autocast(outputs.device.type, enabled=False):
            return {"loss_kpt": self.loss_module(*outputs.split(XY, dim=-1), labels, weights)}

    def predict(self, feats: Any, batch_data_samples: Any, test_cfg: dict | None = None) -> Any:
        """Decode keypoints with scores; ``test_cfg`` has ``flip_test`` and ``shift_coords`` as in MMPose.

        With ``flip_test``, ``feats`` is a list of two: the features of the images and of the mirrored images.
        ``shift_coords`` (default true) is for codecs that divide by the width: there x of the mirrored image is
        1 - 1/w - x.
        """
        test_cfg = test_cfg or {}
        if test_cfg.get("flip_test", False):
            plain, mirrored = (self._with_sigmas(f) for f in feats)
            meta = batch_data_samples[0].metainfo
            back = flip_coordinates(
                mirrored,
                flip_indices=meta["flip_indices"],
                shift_coords=test_cfg.get("shift_coords", True),
                input_size=meta["input_size"],
            )
            outputs = (plain + back) * 0.5
        else:
            outputs = self._with_sigmas(feats)
        return self.decode(outputs[:, None])

    def _with_sigmas(self, feats: Sequence[Tensor]) -> Tensor:
        """Return the outputs (N, K, D) in float32, with σ between 0 and 1."""
        points, *raw = self.forward(feats).float().split(XY, dim=-1)
        return torch.cat([points, *(r.sigmoid() for r in raw)], dim=-1)

    def _check(self, x: Tensor) -> None:
        """Raise if the features do not have the shape that the layers expect."""
        size = None if self.pool else self.in_featuremap_size
        if x.shape[1] == self.in_channels and (size is None or (x.shape[3], x.shape[2]) == size):
            return
        across = "×any size" if size is None else f"×{size[0]}×{size[1]}"
        raise BadInputError(
            "the backbone's features do not have the shape that the head expects",
            where="model.head.in_channels" + ("" if size is None else ", stride or in_featuremap_size"),
            expected=f"{self.in_channels}{across} (C×W×H)",
            found="×".join(str(n) for n in (x.shape[1], *x.shape[:1:-1])),
        )

    @torch.no_grad()
    def _begin_in_the_middle(self) -> None:
        for layer in self.hidden:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        nn.init.normal_(self.last.weight, std=0.01)
        nn.init.zeros_(self.last.bias)
        self.last.bias.view(self.out_channels, -1)[:, :XY] = 0.5


def positions_of(features: Tensor, sharpness: Tensor) -> Tensor:
    """Compute the mean position of each channel's features.

    In float32, even under autocast, for the same reason as the coordinates.

    Args:
        features: (N, C, H, W).
        sharpness: (C,) factors of the features before the softmax over the cells.

    Returns:
        (N, 2C), all x, then all y: -1 and 1 are the outer borders of the first and the last cell.
    """
    with torch.autocast(features.device.type, enabled=False):
        height, width = features.shape[-2:]
        weights = (
            (features.float() * sharpness[:, None, None])
            .flatten(2)
            .softmax(dim=2)
            .unflatten(2, (height, width))
        )
        x, y = ((2 * torch.arange(n, device=features.device) + 1) / n - 1 for n in (width, height))
        return torch.cat([(weights.sum(dim=2) * x).sum(dim=2), (weights.sum(dim=3) * y).sum(dim=2)], dim=1)


def _hidden_layers(width: int, hidden_channels: Sequence[int], dropout: float) -> nn.Sequential:
    """Build linear, ReLU and dropout for each width in ``hidden_channels``; only dropout if there is none."""
    layers: list[nn.Module] = []
    for before, after in zip((width, *hidden_channels), hidden_channels, strict=False):
        layers += [nn.Linear(before, after), nn.ReLU(inplace=True), nn.Dropout(dropout)]
    return nn.Sequential(*layers) if layers else nn.Sequential(nn.Dropout(dropout))


def _outputs_for(loss: nn.Module, k: int, given: int | None) -> int:
    """Return the D that a loss requires; raise if another one is ``given``."""
    needed = XY_AND_SIGMAS if "sigma" in inspect.signature(loss.forward).parameters else XY
    if given is not None and given != needed:
        fault = "needs outputs that the head lacks" if given < needed else "leaves outputs untrained"
        raise BadInputError(
            f"{type(loss).__name__} {fault}",
            where="model.head.loss and model.head.outputs_per_point",
            expected=f"{needed}·K = {needed * k} outputs",
            found=f"{given}·K = {given * k}",
            todo="leave outputs_per_point out, or take another loss",
        )
    return needed


def _feature_size(
    input_size: Sequence[int] | None, given: Sequence[int] | None, stride: int
) -> tuple[int, int] | None:
    """Return [W, H] of the features, from the input's size or as ``given``; raise if they disagree."""
    size = (int(given[0]), int(given[1])) if given is not None else None
    if input_size is None:
        return size
    w, h = input_size
    if w % stride or h % stride:
        up = tuple(-(-n // stride) * stride for n in (w, h))
        raise BadInputError(
            "the network's stride does not divide the input size",
            where="codec.input_size",
            expected=f"multiples of {stride} (model.head.stride)",
            found=f"{w}×{h} (w×h)",
            todo=f"set input_size = {up}",
        )
    if size is not None and size != (w // stride, h // stride):
        raise BadInputError(
            "size of the features and size of the input disagree",
            where="model.head.in_featuremap_size and codec.input_size",
            expected=f"{w // stride}×{h // stride}: {w}×{h} divided by {stride}",
            found=f"{size[0]}×{size[1]}",
            todo="leave in_featuremap_size out",
        )
    return w // stride, h // stride
