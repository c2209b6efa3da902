"""Convert weights that others published into checkpoints of our models."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from mmengine.registry import init_default_scope

import kpplugins.register  # noqa: F401
from kpplugins.compat.checkpoints import trust_checkpoints
from kpplugins.compat.safetensors_files import SUFFIX
from kpplugins.config.load import load_config
from kpplugins.structures import BadInputError
from kpplugins.structures.checksum import sha256_of
from kpplugins.structures.replaced_file import replaced_file
from kpplugins.version import __version__
from kpplugins.weights import centernet as weights_centernet
from kpplugins.weights import torchvision_rcnn as weights_torchvision
from kpplugins.weights.checkpoints import read_checkpoint
from kpplugins.weights.pretrained import weights_of
from kpplugins.weights.safe_weights import safe_checkpoint, save_safetensors

SAFE = "safetensors"
KINDS: dict[str, ModuleType] = {"centernet": weights_centernet, "torchvision": weights_torchvision}


@dataclass(frozen=True)
class Converted:
    """Result of a conversion.

    Attributes:
        path: the checkpoint.
        tensors: number of tensors in it.
        parameters: number of values in all tensors, batch norm's counters included.
        left_out: parts of the config's model that the source does not cover, as its keypoints or categories differ;
            training starts them from scratch.
    """

    path: Path
    tensors: int
    parameters: int
    left_out: list[str]


def convert_weights(
    kind: str,
    source: str | Path,
    out: str | Path,
    *,
    config: str | Path | None = None,
    data: str | Path | None = None,
    overwrite: bool = False,
    trust_checkpoint: bool = False,
) -> Converted:
    """Read weights that others published and write them as a checkpoint of our model.

    Args:
        kind: ``centernet`` (its authors' hourglass), ``torchvision`` (Keypoint R-CNN), or ``safetensors``: a checkpoint
            of any training, as a file from which no code can run.
        source: the published file.
        out: the checkpoint to write, with ``state_dict``, and in ``meta`` the source's name, sha256 and the converter.
        config: config file of the model that takes the weights. Default: the published model, with the file's own
            numbers of keypoints and categories.
        data: the data folder that the config's datasets read, which gives the model its number of keypoints.
        overwrite: replace ``out`` if it exists.
        trust_checkpoint: let ``source`` run code while it is loaded.

    Returns:
        The written checkpoint, and the parts of the config's model that the source does not cover.

    Raises:
        BadInputError: the kind is unknown; ``source`` is not a checkpoint, or one of another network (the message names
            tensors that are missing, left over, or, before the last layers, of another shape); or ``out`` exists.
    """
    source, out = Path(source), Path(out)
    if kind not in (*KINDS, SAFE):
        raise BadInputError(f"unknown kind of weights {kind!r}", expected=" or ".join((*KINDS, SAFE)))
    _require_place(source, out, overwrite)
    if kind == SAFE:
        with trust_checkpoints(trust_checkpoint):
            content = safe_checkpoint(read_checkpoint(source), source)
        save_safetensors(content, out)
        return _converted(out, content["state_dict"], [])
    layout = KINDS[kind]
    with trust_checkpoints(trust_checkpoint):
        weights = _weights(source, layout.FILES)
    model_cfg = None if config is None else load_config(config, data=data).model
    init_default_scope("mmpose")
    state, left_out, meta = layout.converted(weights, model_cfg, source)
    meta |= {
        "source": source.name,
        "sha256": sha256_of(source),
        "converter": f"kpplugins {__version__}, {kind}",
    }
    _write({"state_dict": state, "meta": meta}, out)
    return _converted(out, state, left_out)


def _converted(out: Path, state: dict[str, Any], left_out: list[str]) -> Converted:
    return Converted(out, len(state), sum(tensor.numel() for tensor in state.values()), left_out)


def _require_place(source: Path, out: Path, overwrite: bool) -> None:
    """Raise if writing ``out`` would overwrite something or is impossible."""
    if out.is_dir():
        raise BadInputError("is a folder", where=str(out), expected="a file to write", todo="add a file name")
    if out.exists() and source.exists() and out.samefile(source):
        raise BadInputError("is the source itself", where=str(out), todo="give another name")
    if out.exists() and not overwrite:
        raise BadInputError("exists already", where=str(out), todo="give another name, or add --overwrite")


def _weights(source: Path, files: str) -> dict[str, Any]:
    """Read the tensors of a file under its own names, without ``module.``."""
    content = read_checkpoint(source)
    if isinstance(content.get("model"), dict):  # as torchvision's training scripts write it
        content = content["model"]
    weights = weights_of(content)
    if not weights:
        raise BadInputError("contains no weights", where=str(source), expected=files)
    return weights


def _write(content: dict[str, Any], out: Path) -> None:
    """Write a checkpoint, completely or not at all."""
    if out.suffix == SUFFIX:
        save_safetensors(content, out)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with replaced_file(out) as made:
        try:
            torch.save(content, made)
        except RuntimeError as error:
            raise BadInputError(
                f"cannot be written ({str(error).splitlines()[0]})", where=str(out)
            ) from error
