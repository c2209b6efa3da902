"""Weights of keypoints by their names, from a checkpoint with other keypoints."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kpplugins.config.values import is_type
from kpplugins.schema import KeypointSchema

logger = logging.getLogger(__name__)
_NUMBERS = ("out_channels", "num_keypoints", "num_joints")
"""What a model or a head calls its number of keypoints."""


@dataclass(frozen=True)
class KeypointAxis:
    """The axis of a tensor along which its values belong to keypoints.

    Attributes:
        axis: its number.
        each: how many values belong to one keypoint: 2 for x and y. They stand together.
    """

    axis: int
    each: int


def keypoint_axes(model: Mapping[str, Any], number: int) -> dict[str, KeypointAxis]:
    """Find the tensors of a model that have values for every keypoint.

    The model is built for one keypoint more, without memory for its weights; what is larger then belongs to keypoints.

    Args:
        model: its config.
        number: of its keypoints.

    Returns:
        Axes by the names of tensors.
    """
    shapes, wider = (_shapes(_with_number(model, number, n)) for n in (number, number + 1))
    found = {}
    for name, shape in shapes.items():
        axes = [i for i, (a, b) in enumerate(zip(shape, wider.get(name, shape), strict=False)) if a != b]
        if len(axes) == 1 and shape[axes[0]] == number * (wider[name][axes[0]] - shape[axes[0]]):
            found[name] = KeypointAxis(axes[0], shape[axes[0]] // number)
    return found


def by_keypoint_name(
    own: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    axes: Mapping[str, KeypointAxis],
    ours: Sequence[str],
    theirs: Sequence[str],
) -> dict[str, Tensor]:
    """Give each keypoint the values that a checkpoint has for the one of its name.

    Args:
        own: tensors of the model, with which other keypoints start.
        weights: tensors of the checkpoint.
        axes: from ``keypoint_axes``.
        ours: names of the model's keypoints.
        theirs: names of the checkpoint's keypoints.

    Returns:
        The checkpoint's tensors, those of keypoints in the model's shape. One whose other axes differ is unchanged.
    """
    pairs = [(i, theirs.index(name)) for i, name in enumerate(ours) if name in theirs]
    made = dict(weights)
    for name, place in axes.items():
        if name not in weights or weights[name].ndim != own[name].ndim:
            continue
        given, taken = weights[name].movedim(place.axis, 0), own[name].clone().movedim(place.axis, 0)
        if given.shape[1:] != taken.shape[1:] or len(given) != place.each * len(theirs):
            continue
        for i, j in pairs:
            taken[i * place.each : (i + 1) * place.each] = given[j * place.each : (j + 1) * place.each]
        made[name] = taken.movedim(0, place.axis).contiguous()
    return made


def with_our_keypoints(
    model: Any,
    config: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    ours: KeypointSchema,
    theirs: KeypointSchema,
) -> dict[str, Tensor]:
    """Return a checkpoint's weights for a model of other keypoints; which ones are taken is logged.

    Args:
        model: not wrapped.
        config: of the model.
        weights: tensors of the checkpoint, under the model's names.
        ours: the model's keypoints.
        theirs: the checkpoint's.

    Returns:
        The weights; as they are where both have the same keypoints in the same order, or where the model has no tensor
        of keypoints.
    """
    if ours.keypoints == theirs.keypoints:
        return dict(weights)
    axes = keypoint_axes(config, ours.num_keypoints)
    if not axes:
        return dict(weights)
    common = [name for name in ours.keypoints if name in theirs.keypoints]
    new = [name for name in ours.keypoints if name not in theirs.keypoints]
    logger.info(
        "the checkpoint has %d keypoints: %d of ours start from it by name (%s)%s", theirs.num_keypoints, len(common),
        ", ".join(common) or "none", f"; from scratch: {', '.join(new)}" if new else "",
    )  # fmt: skip
    return by_keypoint_name(model.state_dict(), weights, axes, ours.keypoints, theirs.keypoints)


def _with_number(model: Mapping[str, Any], before: int, number: int) -> dict[str, Any]:
    """Return the config of a model with another number of keypoints."""
    made = dict(model)
    parts = ["head", "backbone"] if is_type(model.get("backbone"), "CPM") else ["head"]
    for part in parts:
        if isinstance(made.get(part), Mapping):
            made[part] = {k: number if k in _NUMBERS and v == before else v for k, v in made[part].items()}
    made |= {k: number for k in _NUMBERS if made.get(k) == before}
    if made.get("keypoint_names"):
        made["keypoint_names"] = [*made["keypoint_names"], *["more"] * (number - before)]
    return made


def _shapes(model: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    from mmengine.config import Config
    from mmpose.registry import MODELS

    config = Config(dict(model=dict(model))).model
    try:
        with torch.device("meta"):
            built = MODELS.build(config)
    except (RuntimeError, NotImplementedError):  # values are looked at while it is built
        built = MODELS.build(config)
    return {name: tuple(value.shape) for name, value in built.state_dict().items()}
