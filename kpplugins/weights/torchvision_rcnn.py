"""Weights of torchvision's Keypoint R-CNN: ``keypointrcnn_resnet50_fpn_coco-fc266e95.pth``.

He et al., "Mask R-CNN", 2017. ``KeypointRCNN`` has torchvision's own parts under torchvision's names, and can take the
file as it is (``model.weights``); ``keypoint_rcnn_weights`` says how it is adapted to other keypoints and categories.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmpose.registry import MODELS

from kpplugins.models.detectors.keypoint_rcnn import KeypointRCNN
from kpplugins.models.detectors.keypoint_rcnn_weights import BOXES, POINTS, SCORES, transfer
from kpplugins.structures import BadInputError

FILES = "keypointrcnn_resnet50_fpn_coco-fc266e95.pth"
_LAST = [f"{layer}.{kind}" for layer in (POINTS, SCORES, BOXES) for kind in ("weight", "bias")]


def published_model(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model config of torchvision's network, with as many keypoints and categories as the weights have.

    Args:
        weights: their tensors by name, without ``module.``.

    Returns:
        The ``model`` part of a config.
    """
    return dict(
        type="KeypointRCNN",
        norm="frozen",
        norm_eps=0.0,  # as torchvision sets it for this file
        num_keypoints=len(weights[f"{POINTS}.bias"]),
        num_classes=len(weights[f"{SCORES}.bias"]) - 1,  # theirs count the background
    )


def converted(
    weights: Mapping[str, Any], model_cfg: dict[str, Any] | None, source: Path
) -> tuple[dict[str, Any], list[str], dict[str, Any]]:
    """Convert the weights for our model, under its current names.

    Args:
        weights: their tensors by name, without ``module.``.
        model_cfg: config of the model that takes them; ``None`` for the published one.
        source: their file, for messages.

    Returns:
        Our tensors by name; the parts of the config's model that the file does not cover because its keypoints or
        categories differ, in words (rows of the last layers are matched by name, the other rows are random with seed
        0); and for the checkpoint's ``meta``, the names of the model's keypoints and categories.

    Raises:
        BadInputError: the file or the config is of another network; the message names the first tensors at fault.
    """
    missing = [name for name in _LAST if name not in weights]
    if missing:
        raise BadInputError(
            "weights of another network",
            where=str(source),
            expected=f"Keypoint R-CNN, with {missing[0]}",
            found=f"{len(weights)} tensors like {next(iter(weights))}",
            todo=f"give {FILES}",
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = MODELS.build(model_cfg or published_model(weights))
    if not isinstance(model, KeypointRCNN):
        raise BadInputError("the config's model is not KeypointRCNN", found=type(model).__name__)
    done = transfer(
        model, {"state_dict": dict(weights)}, str(source), model.keypoint_names, model.class_names
    )
    ours = {name: tensor for name, tensor in model.state_dict().items() if name not in done.anew}
    names = model.keypoint_names and {"keypoint_id2name": dict(enumerate(model.keypoint_names))}
    meta = {"dataset_meta": {**names, "classes": list(model.class_names or [])}} if names else {}
    return ours, done.anew, meta
