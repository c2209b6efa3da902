"""What a head, and a neck before it, need to take features of a number of channels and a size."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kpplugins.config.values import is_type, name_of
from kpplugins.structures import BadInputError

_OF_HOURGLASSES = ("GatedHourglassHead", "CPMHead", "MSPNHead", "ViPNASHead")
"""Heads for heatmaps that fit one kind of backbone."""
HEATMAPS = ("HeatmapHead", *_OF_HOURGLASSES)
_SIZED = ("SimCCHead", "RTMCCHead", "DSNTHead", "IntegralRegressionHead")
_POOLED = ("RegressionHead", "RLEHead")
_WIDTH, _LEAST = 256, 64
"""Channels of a deconvolution: MMPose's, and the least in place of an hourglass of few channels."""


@dataclass(frozen=True)
class HeadInput:
    """How neck and head follow the features.

    Attributes:
        values: of the head.
        replaces: they are a whole head, not a part of one.
        gone: names of the replaced head's arguments, which mean nothing to the new one.
        neck: a neck before it; ``None`` if there is none.
        keeps_neck: the neck that is there takes any features.
    """

    values: dict[str, Any]
    replaces: bool = False
    gone: frozenset[str] = field(default_factory=frozenset)
    neck: dict[str, Any] | None = None
    keeps_neck: bool = False


def head_input(
    head: Mapping[str, Any],
    channels: int,
    stride: int,
    features: tuple[int, int],
    heatmaps: Sequence[int] | None,
) -> HeadInput:
    """Decide how a head takes features.

    Args:
        head: config of the head.
        channels: of the features.
        stride: of the features, in pixels of the input.
        features: (w, h) of the features.
        heatmaps: (w, h) of the codec's heatmaps, if it has any.

    Returns:
        The values to set.

    Raises:
        BadInputError: no way is known for this head.
    """
    steps = 0 if heatmaps is None else round(math.log2(max(1.0, heatmaps[0] / features[0])))
    if is_type(head, "HeatmapHead"):
        return HeadInput(
            dict(in_channels=channels, **_deconvolutions(head.get("deconv_out_channels"), steps))
        )
    if is_type(head, *_OF_HOURGLASSES):
        width = max(_LEAST, min(_WIDTH, int(head.get("in_channels") or head.get("unit_channels") or _WIDTH)))
        kept = {k: head[k] for k in ("out_channels", "decoder") if k in head}
        new = dict(type="HeatmapHead", in_channels=channels, **_deconvolutions((width,), steps), **kept)
        loss = head.get("loss")
        new["loss"] = loss if isinstance(loss, dict) else dict(type="KeypointMSELoss", use_target_weight=True)
        return HeadInput(new, replaces=True, gone=frozenset(head) - set(kept) - {"loss"})
    if is_type(head, "CenterNetPoseHead"):
        return _centernet(head, channels, steps)
    if is_type(head, *_SIZED):
        return HeadInput(dict(in_channels=channels, in_featuremap_size=features))
    if is_type(head, *_POOLED):
        return HeadInput(dict(in_channels=channels), keeps_neck=True)
    if is_type(head, "DirectFCHead"):
        return HeadInput(dict(in_channels=channels, stride=stride))
    raise BadInputError(
        f"backbone does not fit {name_of((head or {}).get('type'))}", where="model.head",
        expected=", ".join((*HEATMAPS, *_SIZED, *_POOLED, "DirectFCHead", "CenterNetPoseHead")),
        todo="leave the backbone to the config, or set backbone, neck and head in it",
    )  # fmt: skip


def _deconvolutions(stated: Sequence[int] | None, steps: int) -> dict[str, Any]:
    """Return the arguments of ``HeatmapHead`` for a number of deconvolutions, each of which doubles the size."""
    widths = tuple(stated or (_WIDTH,))
    widths = (widths + (widths[-1],) * steps)[:steps]
    return dict(deconv_out_channels=widths or None, deconv_kernel_sizes=(4,) * steps or None)


def _centernet(head: Mapping[str, Any], channels: int, steps: int) -> HeadInput:
    """Return a neck of deconvolutions, narrower from step to step, down to the head's width."""
    width = int(head.get("feat_channels") or _WIDTH)
    if not steps:
        return HeadInput(dict(in_channels=channels, num_stacks=1))
    filters = tuple(max(width, min(_WIDTH, width * 2 ** (steps - 1 - i))) for i in range(steps))
    neck = dict(
        type="mmdet.CTResNetNeck", in_channels=channels, num_deconv_filters=filters,
        num_deconv_kernels=(4,) * steps, use_dcn=False,
    )  # fmt: skip
    return HeadInput(dict(in_channels=width, num_stacks=1), neck=neck)
