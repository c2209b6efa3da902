"""Export a trained run as one self-contained ONNX file."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmpose.models import TopdownPoseEstimator
from torch import Tensor, nn

from kpplugins.deploy.description import describe, unknown_parts
from kpplugins.deploy.onnx_export import export_onnx, require_packages
from kpplugins.inference.trained.trained_model import kind_of, load_trained
from kpplugins.structures import BadInputError
from kpplugins.structures.model_kind import TOP_DOWN
from kpplugins.weights.checkpoints import run_of

XY, XY_AND_SIGMAS = 2, 4
"""Possible numbers of values per keypoint in the output of heads that regress coordinates."""
logger = logging.getLogger(__name__)


def export(
    config: str | Path | None = None,
    checkpoint: str | Path | None = None,
    out: str | Path | None = None,
    *,
    trust_checkpoint: bool = False,
) -> tuple[Path, dict[str, Any]]:
    """Write a trained top-down model as ONNX and check that ONNX Runtime gives the same outputs.

    The file's input is ``image``, (N, 3, h, w) float32: crops as OpenCV reads them, BGR, 0 to 255; the file
    normalises them itself. Its outputs are what the codec's ``decode`` takes, from one pass without flip test:
    ``heatmaps`` (N, K, H, W) of the last stack; or ``simcc_x`` and ``simcc_y`` (N, K, bins); or ``coordinates``
    (N, K, 2), with RLE (N, K, 4): x, y and their σ between 0 and 1. N is free.

    All that a program needs to cut the input from an image and to read keypoints from the outputs is in the file's
    ``metadata_props``, and the same in ``NAME.onnx.json`` beside it: see ``docs/export.md``, which has a program that
    reads it.

    Args:
        config: the config file. Default: the one in the checkpoint.
        checkpoint: Default: the best one of the config's work dir, or of the newest run.
        out: the file to write. Default: ``NAME.onnx`` beside the checkpoint.
        trust_checkpoint: let the checkpoint run code while it is loaded.

    Returns:
        The file, and the content of ``NAME.parity.json`` beside it (see ``deploy.onnx_export.export_onnx``).

    Raises:
        BadInputError: there is no such run, the model is not top-down, its outputs are unknown, packages are missing,
            or ONNX Runtime and PyTorch disagree.
    """
    require_packages()
    given, checkpoint = run_of(config, checkpoint)
    if out is not None and (Path(out).suffix != ".onnx" or Path(out).is_dir()):
        raise BadInputError(
            "not the name of an ONNX file", where=str(out), expected="NAME.onnx", todo="--out FILE"
        )
    trained = load_trained(given, checkpoint, "cpu", trust_checkpoint)
    path = Path(out) if out is not None else checkpoint.parent / f"{trained.name}.onnx"
    if kind_of(trained.config) != TOP_DOWN:
        raise BadInputError(
            "only top-down models are exported", where=trained.name, expected=f"a model that finds {TOP_DOWN}",
            found=f"one that finds {kind_of(trained.config)}",
        )  # fmt: skip
    model = trained.network
    size = _input_size(model, trained.name)
    with torch.inference_mode():
        outputs = list(_named(model(torch.zeros(1, 3, size[1], size[0]), None, mode="tensor")))

    def decode(values: Sequence[np.ndarray]) -> np.ndarray:
        batch = tuple(torch.from_numpy(v[None].copy()) for v in values)
        if outputs == ["coordinates"]:
            batch = (batch[0][:, None],)  # the codec expects the instances of one image, (1, K, D)
        (found,) = model.head.decode(batch if len(batch) > 1 else batch[0])
        return found.keypoints[0]

    pipeline, decoder = trained.config.test_dataloader.dataset.pipeline, trained.config.model.head.decoder
    facts = describe(model, pipeline, decoder, outputs, trained.schema, trained.layout, trained.pixels)
    for what in unknown_parts(facts):
        logger.warning("the file does not say how to do without kpplugins: %s", what)
    return path, export_onnx(_FromPixels(model), path, size=size, outputs=outputs, decode=decode, facts=facts)


class _FromPixels(nn.Module):
    """A model with its normalisation in front, whose exported outputs are a tuple."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        before = model.data_preprocessor
        self.swap = bool(getattr(before, "_channel_conversion", False))
        self.normalise = bool(getattr(before, "_enable_normalize", False))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Compute the outputs.

        Args:
            image: (N, 3, h, w) BGR, 0 to 255.

        Returns:
            The outputs, in the order of their names.
        """
        if self.swap:
            image = image[:, [2, 1, 0]]
        if self.normalise:
            image = (image - self.model.data_preprocessor.mean) / self.model.data_preprocessor.std
        return tuple(_named(self.model(image, None, mode="tensor")).values())


def _named(raw: Any) -> dict[str, Tensor]:
    """Return a head's outputs by name, as its codec takes them."""
    if isinstance(raw, list):  # one for each stack; the last is the best
        return _named(raw[-1])
    parts = raw if isinstance(raw, tuple) else (raw,)
    kinds = [part.ndim if isinstance(part, Tensor) else 0 for part in parts]
    if kinds == [4]:
        return {"heatmaps": parts[0]}
    if kinds == [3, 3]:
        return {"simcc_x": parts[0], "simcc_y": parts[1]}
    if kinds == [3, 4]:  # integral regression also returns the maps that it summed over
        return _named(parts[0])
    if kinds == [3] and parts[0].shape[-1] == XY:
        return {"coordinates": parts[0]}
    if kinds == [3] and parts[0].shape[-1] == XY_AND_SIGMAS:
        points, sigmas = parts[0].split(XY, dim=-1)
        return {"coordinates": torch.cat([points, sigmas.sigmoid()], dim=-1)}
    raise BadInputError(
        "unknown outputs",
        where="model.head",
        expected="heatmaps, two SimCC tensors, or coordinates",
        found=", ".join(str(tuple(p.shape)) if isinstance(p, Tensor) else type(p).__name__ for p in parts),
    )


def _input_size(model: Any, name: str) -> tuple[int, int]:
    """Return the codec's input size (w, h); raise for models that cannot be exported."""
    codec = getattr(getattr(model, "head", None), "decoder", None)
    size = getattr(codec, "input_size", None)
    if not isinstance(model, TopdownPoseEstimator) or size is None:
        raise BadInputError(
            "only top-down models with one codec are exported",
            where=name,
            expected="model.type TopdownPoseEstimator and model.head.decoder with an input_size",
            found=f"{type(model).__name__} with {type(codec).__name__ if codec else 'no codec'}",
        )
    divisor = getattr(model.data_preprocessor, "pad_size_divisor", 1)
    if any(n % divisor for n in size):
        raise BadInputError(
            "models that pad their inputs are not exported",
            where="model.data_preprocessor.pad_size_divisor",
            expected=f"one that divides {size[0]}×{size[1]}",
            found=str(divisor),
        )
    return int(size[0]), int(size[1])
