"""Weights of CenterNet's authors: ``multi_pose_hg_1x.pth`` and ``multi_pose_hg_3x.pth``, an hourglass-104.

Zhou et al., "Objects as Points", 2019. MMPose's ``HourglassNet`` with two stacks is the same network, layer by layer
(checked on its outputs), so their weights only change names; the branches go into ``CenterNetPoseHead``.
"""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmpose.registry import MODELS

from kpplugins.structures import BadInputError
from kpplugins.weights.comparison import compare, listed
from kpplugins.weights.pretrained import keep_fitting

logger = logging.getLogger(__name__)
FILES = "multi_pose_hg_1x.pth or multi_pose_hg_3x.pth"
MEAN = (104.0136, 114.0342, 119.9166)
"""Mean of blue, green and red (their images are BGR): 255 × 0.40789654, 0.44719302, 0.47026115."""
STD = (73.6028, 69.8908, 70.9151)
"""Standard deviation of the same channels: 255 × 0.28863828, 0.27408164, 0.27809835."""

_NETWORK = "CenterNet's hourglass-104 with keypoints"
_FOLLOW_THE_DATA = re.compile(r"head\.branches\.")
"""Layers whose shape may differ between a config's model and the file."""
_ALIKE = 0.01
"""Means and deviations (0 to 255) that differ by less than this count as equal: one of them is rounded."""
_OURS_THEIRS = (
    (r"backbone\.stem\.0\.(.+)", r"pre.0.\1"),
    (r"backbone\.stem\.1\.0\.(.+)", r"pre.1.\1"),
    (r"backbone\.hourglass_modules\.(.+)", r"kps.\1"),
    (r"backbone\.out_convs\.(.+)", r"cnvs.\1"),
    (r"backbone\.inters\.(.+)", r"inters.\1"),
    (r"backbone\.conv1x1s\.(\d+)\.conv\.(.+)", r"inters_.\1.0.\2"),
    (r"backbone\.conv1x1s\.(\d+)\.bn\.(.+)", r"inters_.\1.1.\2"),
    (r"backbone\.remap_convs\.(\d+)\.conv\.(.+)", r"cnvs_.\1.0.\2"),
    (r"backbone\.remap_convs\.(\d+)\.bn\.(.+)", r"cnvs_.\1.1.\2"),
    (r"head\.branches\.(\d+)\.(\w+)\.0\.(weight|bias)", r"\2.\1.0.conv.\3"),
    (r"head\.branches\.(\d+)\.(\w+)\.2\.(weight|bias)", r"\2.\1.1.\3"),
)


def published_model(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model config of the authors' network, with as many keypoints and categories as the weights have.

    Args:
        weights: their tensors by name, without ``module.``.

    Returns:
        The ``model`` part of a config.
    """
    return dict(
        type="BottomupPoseEstimator",
        data_preprocessor=dict(type="TopdownDataPreprocessor", mean=MEAN, std=STD, bgr_to_rgb=False),
        backbone=dict(type="HourglassNet", num_stacks=2),
        head=dict(
            type="CenterNetPoseHead",
            in_channels=256,
            num_stacks=2,
            out_channels=_rows(weights, "hm_hp.0.1.weight", 17),
            num_classes=_rows(weights, "hm.0.1.weight", 1),
        ),
    )


def converted(
    weights: Mapping[str, Any], model_cfg: dict[str, Any] | None, source: Path
) -> tuple[dict[str, Any], list[str], dict[str, Any]]:
    """Rename the weights for our model.

    Args:
        weights: their tensors by name, without ``module.``.
        model_cfg: config of the model that takes them; ``None`` for the published one.
        source: their file, for messages.

    Returns:
        Our tensors by name; the tensors left out because their shape differs in the config's model, in words; and an
        empty dict, since the checkpoint's ``meta`` needs nothing.

    Raises:
        BadInputError: the file or the config is of another network. The message counts the tensors that are missing,
            left over, or of another shape, and names the first ones as the file does.
    """
    with torch.device("meta"):  # only its names and shapes are needed, no values
        model = MODELS.build(model_cfg or published_model(weights))
    ours = _renamed(weights, model, source)
    other = compare(model.state_dict(), ours).shapes
    wrong = [words for words in other if model_cfg is None or not _FOLLOW_THE_DATA.match(words)]
    if wrong:
        raise BadInputError(
            "weights of another shape than the model's",
            where=str(source),
            found=listed({f"of {len(ours)}": wrong}),
            todo="give --config, that of the model they are for",
        )
    if model_cfg is not None:
        _compare_images(model_cfg.get("data_preprocessor") or {})
    if other:
        ours = keep_fitting(model, {"state_dict": ours}, str(source))["state_dict"]
    return ours, other, {}


def _renamed(weights: Mapping[str, Any], model: Any, source: Path) -> dict[str, Any]:
    """Return the weights under our model's names; both sides must have the same tensors."""
    theirs = {name: _theirs(name) for name in model.state_dict()}
    foreign = [name for name, their in theirs.items() if not their]
    if foreign:
        raise BadInputError(
            f"the config's model is not {_NETWORK}",
            found=listed({"other tensors": foreign}),
            todo="give a config with HourglassNet and CenterNetPoseHead",
        )
    own = model.state_dict()
    found = compare({their: own[name] for name, their in theirs.items()}, weights)
    if found.missing or found.left_over:
        raise BadInputError(
            "weights of another network",
            where=str(source),
            expected=f"{_NETWORK}, {len(theirs)} tensors",
            found=listed({"missing": found.missing, "left over": found.left_over}),
            todo=f"give {FILES}, or --config, that of the model they are for",
        )
    return {name: weights[their] for name, their in theirs.items() if their in weights}


def _compare_images(preprocessor: Mapping[str, Any]) -> None:
    """Warn where a config normalises its images differently from the training of these weights."""
    pairs = [(preprocessor.get("mean") or (), MEAN), (preprocessor.get("std") or (), STD)]
    alike = all(
        len(ours) == len(theirs) and max(abs(a - b) for a, b in zip(ours, theirs, strict=True)) < _ALIKE
        for ours, theirs in pairs
    )
    if not alike or preprocessor.get("bgr_to_rgb"):
        logger.warning(
            "the config's images are not what these weights expect: model.data_preprocessor should have "
            "mean=%s, std=%s, bgr_to_rgb=False",
            list(MEAN),
            list(STD),
        )


def _theirs(ours: str) -> str:
    """Return the authors' name for one of our tensors; empty where their network lacks it."""
    for pattern, their in _OURS_THEIRS:
        if match := re.fullmatch(pattern, ours):
            return match.expand(their).replace(".downsample.", ".skip.")
    return ""


def _rows(weights: Mapping[str, Any], name: str, otherwise: int) -> int:
    return weights[name].shape[0] if name in weights and weights[name].ndim else otherwise
