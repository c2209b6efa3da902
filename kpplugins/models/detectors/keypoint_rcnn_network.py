"""torchvision's Keypoint R-CNN on any of its backbones, for use in ``KeypointRCNN``."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import mobilenet, resnet
from torchvision.models.detection import KeypointRCNN, keypoint_rcnn
from torchvision.models.detection.backbone_utils import (
    BackboneWithFPN,
    mobilenet_backbone,
    resnet_fpn_backbone,
)
from torchvision.models.detection.faster_rcnn import FasterRCNN
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import FeaturePyramidNetwork, FrozenBatchNorm2d
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from kpplugins.models.detectors.ignoring_roi_heads import IgnoringRoIHeads
from kpplugins.models.detectors.ignoring_rpn import IgnoringRPN
from kpplugins.structures import BadInputError

RESNETS = tuple(name for name in resnet.__all__ if name[:3] in ("res", "wid"))
MOBILENETS = tuple(name for name in mobilenet.mv2_all + mobilenet.mv3_all if name.startswith("mobilenet_"))
ALL_LAYERS = {**dict.fromkeys(RESNETS, 5), **dict.fromkeys(MOBILENETS, 6)}
"""Number of layers of each backbone, as torchvision counts them for freezing."""
_STRIDES_4_TO_32 = [1, 2, 3, 5]
"""Stages of MobileNets with the strides of the four stages of ResNets; torchvision uses only the last two, both of
stride 32, which is too coarse for keypoints."""
_OWN = {
    "backbone",
    "num_classes",
    "num_keypoints",
    "min_size",
    "max_size",
    "keypoint_head",
    "keypoint_predictor",
}
_NORMS: dict[str, Callable[..., nn.Module]] = {"frozen": FrozenBatchNorm2d, "batch": nn.BatchNorm2d}


def build_network(
    *,
    num_keypoints: int,
    num_classes: int,
    backbone: str,
    norm: str,
    norm_eps: float,
    trainable_layers: int,
    fpn_channels: int,
    min_size: int | Sequence[int] | None,
    max_size: int,
    keypoint_layers: Sequence[int],
    arguments: Mapping[str, Any],
) -> KeypointRCNN:
    """Build the network with torchvision's own initialisation.

    The outputs of its parts are float32 even under autocast: anchors take the type of the features and decoded boxes
    that of the regression, and in bfloat16 a coordinate near 500 is a multiple of 2.

    Args:
        num_keypoints: K.
        num_classes: number of classes, without background.
        backbone: see ``RESNETS`` and ``MOBILENETS``.
        norm: ``frozen`` or ``batch``, of the backbone.
        norm_eps: constant that frozen batch norm adds to the variance.
        trainable_layers: of the backbone, counted from its end.
        fpn_channels: of the features that the heads use.
        min_size: of the shorter side in pixels; ``None`` is torchvision's 640 to 800.
        max_size: of the longer side in pixels.
        keypoint_layers: channels of the convolutions on each box's 14×14 features.
        arguments: further arguments of torchvision's ``KeypointRCNN``.

    Returns:
        torchvision's model, with ``IgnoringRPN`` and ``IgnoringRoIHeads``.

    Raises:
        BadInputError: an unknown backbone, norm or argument, or a number out of range.
    """
    _check(backbone, norm, trainable_layers, keypoint_layers, arguments)
    if fpn_channels < 1:
        raise BadInputError(
            "no channels", where="model.fpn_channels", expected="1 or more", found=str(fpn_channels)
        )
    common = dict(
        backbone_name=backbone, weights=None, norm_layer=_NORMS[norm], trainable_layers=trainable_layers
    )
    if backbone in RESNETS:
        features = resnet_fpn_backbone(**common)
    else:
        features = mobilenet_backbone(**common, fpn=True, returned_layers=_STRIDES_4_TO_32)
    if fpn_channels != features.out_channels:
        _resize_fpn(features, fpn_channels)
    network = KeypointRCNN(
        features,
        num_classes=num_classes + 1,
        min_size=min_size if min_size is None or isinstance(min_size, int) else tuple(min_size),
        max_size=max_size,
        keypoint_head=keypoint_rcnn.KeypointRCNNHeads(features.out_channels, tuple(keypoint_layers)),
        keypoint_predictor=keypoint_rcnn.KeypointRCNNPredictor(keypoint_layers[-1], num_keypoints),
        **arguments,
    )
    set_norm_eps(network, norm_eps)
    # torchvision builds its own classes; ours differ in one method each
    network.rpn.__class__, network.roi_heads.__class__ = IgnoringRPN, IgnoringRoIHeads
    heads = network.roi_heads
    last = (heads.box_predictor, heads.keypoint_predictor.kps_score_lowres)
    for part in (network.backbone, network.rpn.head, *last):
        part.register_forward_hook(_to_float32)
    return network


def set_norm_eps(network: nn.Module, eps: float) -> None:
    """Set the constant that frozen batch norm adds to the variance, in all layers.

    Args:
        network: changed in place.
        eps: the constant.
    """
    for part in network.modules():
        if isinstance(part, FrozenBatchNorm2d):
            part.eps = eps


def _resize_fpn(features: BackboneWithFPN, channels: int) -> None:
    """Replace the FPN; torchvision's builders support only 256 channels."""
    inputs = [block[0].in_channels for block in features.fpn.inner_blocks]
    features.fpn = FeaturePyramidNetwork(inputs, channels, extra_blocks=LastLevelMaxPool())
    features.out_channels = channels


def _check(
    backbone: str, norm: str, trainable: int, keypoint_layers: Sequence[int], arguments: Mapping[str, Any]
) -> None:
    if backbone not in ALL_LAYERS:
        raise BadInputError(
            "unknown backbone", where="model.backbone", expected=", ".join(ALL_LAYERS), found=repr(backbone)
        )
    if norm not in _NORMS:
        raise BadInputError("unknown norm", where="model.norm", expected="frozen or batch", found=repr(norm))
    if not 0 <= trainable <= ALL_LAYERS[backbone]:
        raise BadInputError(
            "wrong number of layers",
            where="model.trainable_backbone_layers",
            expected=f"0 to {ALL_LAYERS[backbone]} ({backbone})",
            found=str(trainable),
        )
    if not keypoint_layers or min(keypoint_layers) < 1:
        raise BadInputError(
            "not a list of channels",
            where="model.keypoint_layers",
            expected="(512,) * 8 or the like",
            found=repr(keypoint_layers),
        )
    # the last constructor in torchvision's chain silently accepts any name
    parts = (KeypointRCNN, FasterRCNN, GeneralizedRCNNTransform)
    known = {name for part in parts for name in inspect.signature(part).parameters} - {"kwargs"} - _OWN
    for name in arguments:
        if name not in known:
            raise BadInputError(
                f"unknown argument {name!r}",
                where="model.torchvision_args",
                expected=", ".join(sorted(known)),
            )


def _to_float32(part: nn.Module, inputs: Any, output: Any) -> Any:
    """Forward hook: convert half-precision tensors, also in lists and dicts, to float32."""
    if isinstance(output, Tensor):
        return output.float() if output.dtype in (torch.float16, torch.bfloat16) else output
    if isinstance(output, dict):
        return type(output)((key, _to_float32(part, inputs, value)) for key, value in output.items())
    return type(output)(_to_float32(part, inputs, value) for value in output)
