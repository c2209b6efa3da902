"""The graphs of models that look at whole images: one-stage models and detectors of boxes."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from kpplugins.config.values import name_of
from kpplugins.deploy.graphs.centernet_graph import CenterNetGraph
from kpplugins.deploy.graphs.keypoint_rcnn_graph import KeypointRcnnGraph
from kpplugins.deploy.graphs.pixel_network import PixelNetwork
from kpplugins.deploy.graphs.rtmdet_graph import RtmdetGraph
from kpplugins.inference.trained.trained_model import TrainedModel
from kpplugins.models.detectors.keypoint_rcnn import KeypointRCNN
from kpplugins.models.heads.centernet_pose_head import CenterNetPoseHead
from kpplugins.structures import BadInputError

_ASIDE = (
    "LoadImage", "LoadCachedImage", "LoadImageFromFile", "LoadImageFromNDArray", "LoadAnnotations",
    "BoxesForDetection", "PackImageInputs", "PackDetInputs",
)  # fmt: skip
"""Steps that do not change the image."""


def one_stage_graph(trained: TrainedModel, flip_test: bool) -> nn.Module:
    """Build the graph of a model that finds boxes and keypoints.

    Args:
        trained: the model.
        flip_test: average with the mirrored image.

    Returns:
        See ``deploy.graphs``.

    Raises:
        BadInputError: there is no graph for a model like this.
    """
    model: Any = trained.network
    if isinstance(model, KeypointRCNN):
        if flip_test:
            raise BadInputError("Keypoint R-CNN has no flip test", where="--flip-test", found=trained.name)
        _require_steps(trained, [])
        return KeypointRcnnGraph(model)
    head = getattr(model, "head", None)
    if not isinstance(head, CenterNetPoseHead) or head.decoder is None:
        raise BadInputError(
            "there is no graph for this one-stage model", where=trained.name,
            expected="CenterNetPoseHead with a codec, or KeypointRCNN",
            found=f"{type(model).__name__} with {type(head).__name__ if head is not None else 'no head'}",
        )  # fmt: skip
    (fit,) = _require_steps(trained, ["ImageAffine"])
    if list(fit["input_size"]) != list(head.decoder.input_size):
        raise BadInputError(
            "the test pipeline and the codec have different sizes", where=trained.name,
            expected=str(list(head.decoder.input_size)), found=str(list(fit["input_size"])),
        )  # fmt: skip
    indices = trained.schema.flip_indices if flip_test else None
    return CenterNetGraph(
        PixelNetwork(model, head.decoder.input_size),
        head,
        model.test_cfg or {},
        fit.get("pad_value", 0),
        indices,
    )


def box_graph(trained: TrainedModel) -> nn.Module:
    """Build the graph of a detector.

    Args:
        trained: the model.

    Returns:
        See ``deploy.graphs``.

    Raises:
        BadInputError: there is no graph for a detector like this.
    """
    from mmdet.models import RTMDetHead

    head = getattr(trained.network, "bbox_head", None)
    how = {} if head is None else head.test_cfg
    if not isinstance(head, RTMDetHead) or how.get("nms", {}).get("type") != "nms":
        raise BadInputError(
            "there is no graph for this detector", where=trained.name, expected="RTMDet, with test_cfg.nms.type nms",
            found=f"{type(trained.network).__name__} with {type(head).__name__}",
        )  # fmt: skip
    fit, pad = _require_steps(trained, ["Resize", "Pad"])
    scale, size, fill = fit.get("scale"), pad.get("size"), _grey_of(pad.get("pad_val", 0))
    usual = fit.get("interpolation", "bilinear") == "bilinear" and fit.get("backend", "cv2") == "cv2"
    fits = scale and size and scale[0] == scale[1] <= min(size) and fit.get("keep_ratio")
    if not (usual and fits and scale and size and fill is not None):
        raise BadInputError(
            "no graph for this way to fit images into the input", where="test_dataloader.dataset.pipeline",
            expected="Resize to a square scale with keep_ratio, bilinear by cv2, and Pad to a size with one grey level",
            found=f"{dict(fit)}, {dict(pad)}",
        )  # fmt: skip
    size = (int(size[0]), int(size[1]))
    return RtmdetGraph(PixelNetwork(trained.network, size), head, how, int(scale[0]), size, fill)


def _require_steps(trained: TrainedModel, names: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the steps of the test pipeline that change the image; stop where they have other names."""
    steps = trained.config.test_dataloader.dataset.pipeline
    used = [step for step in steps if name_of(step["type"]) not in _ASIDE]
    found = [name_of(step["type"]) for step in used]
    if found != list(names):
        raise BadInputError(
            "no graph for this test pipeline", where=trained.name, expected=" and ".join(names) or "no other step",
            found=", ".join(found) or "no such step",
        )  # fmt: skip
    return used


def _grey_of(value: Any) -> float | None:
    """Return the grey level of a padding, or ``None`` where it is a colour."""
    if isinstance(value, Mapping):
        value = value.get("img", 0)
    levels = {float(v) for v in (value if isinstance(value, Sequence) else [value])}
    return levels.pop() if len(levels) == 1 else None
