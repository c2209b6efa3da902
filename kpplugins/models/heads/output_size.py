"""A check that a model's heatmaps have the size that its codec states."""

from typing import Any

import torch
from mmpose.models.pose_estimators import TopdownPoseEstimator
from torch import Tensor

from kpplugins.structures import BadInputError


def require_output_size(model: Any) -> None:
    """Run one black image through the model, and compare the heatmaps' size with the codec's.

    If the codec or the head does not use maps (N, K, H, W), as with SimCC, this only checks that the network accepts
    its input.

    Args:
        model: a model of MMPose, whose ``head.decoder`` is the codec.

    Raises:
        BadInputError: the sizes differ, or the network cannot process the input.
    """
    model = getattr(model, "module", model)  # unwrap distributed models
    head = getattr(model, "head", None)
    if not isinstance(model, TopdownPoseEstimator) and not type(head).__module__.startswith("kpplugins."):
        return  # e.g. MMPose's associative embedding, which resizes its maps itself
    decoder = getattr(head, "decoder", None)
    size, expected = getattr(decoder, "input_size", None), getattr(decoder, "heatmap_size", None)
    if size is None:
        return
    found = _output_size(model, (int(size[0]), int(size[1])))
    if expected is not None and found is not None and found != tuple(expected):
        raise BadInputError(
            "the heatmaps of the codec and of the network have different sizes",
            where="codec.heatmap_size",
            expected=f"{found[0]}×{found[1]}, the network's output for an input of {size[0]}×{size[1]}",
            found=f"{expected[0]}×{expected[1]}",
            todo=f"codec.heatmap_size = ({found[0]}, {found[1]})",
        )


def _output_size(model: Any, size: tuple[int, int]) -> tuple[int, int] | None:
    """Return (W, H) of the heatmaps for an input of ``size`` (w, h); ``None`` if the head outputs no heatmaps."""
    weight = next(model.parameters())
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            image = torch.zeros((1, 3, size[1], size[0]), device=weight.device, dtype=weight.dtype)
            output = model.head(model.extract_feat(image))
    except BadInputError:
        raise
    except (RuntimeError, ValueError) as error:
        raise BadInputError(
            "the network fails on one black image",
            where="model and codec.input_size",
            expected=f"it to take an input of {size[0]}×{size[1]}",
            found=str(error).splitlines()[0],
        ) from error
    finally:
        model.train(training)
    last = output[-1] if isinstance(output, (list, tuple)) and len(output) else output
    last = last.get("hm") if isinstance(last, dict) else last  # the authors' name of CenterNet's centres
    return (last.shape[-1], last.shape[-2]) if isinstance(last, Tensor) and last.ndim == 4 else None
