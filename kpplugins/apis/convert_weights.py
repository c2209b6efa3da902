"""Weights that others trained, as checkpoints of our models."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from mmengine.registry import init_default_scope

import kpplugins.register  # noqa: F401
from kpplugins.compat.checkpoints import trust_checkpoints
from kpplugins.config.load import load_config
from kpplugins.data.aside import beside
from kpplugins.structures import BadInputError
from kpplugins.version import __version__
from kpplugins.weights import centernet as weights_centernet
from kpplugins.weights import torchvision_rcnn as weights_torchvision
from kpplugins.weights.checkpoints import read_checkpoint
from kpplugins.weights.pretrained import weights_of

KINDS: dict[str, ModuleType] = {"centernet": weights_centernet, "torchvision": weights_torchvision}


@dataclass(frozen=True)
class Converted:
    """What a conversion wrote.

    Args:
        path: the checkpoint.
        tensors: how many it holds.
        parameters: their numbers in total, counters of batches included.
        left_out: what of the config's model is not the source's, as it is for other points or classes, in words;
            training begins it anew.
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
        kind: ``centernet`` (its authors' hourglass) or ``torchvision`` (its Keypoint R-CNN).
        source: their file.
        out: the checkpoint to write: ``state_dict``, and in ``meta`` the source's name, its sha256 and the converter.
        config: the config whose model takes the weights. Default: the published model, with the file's own numbers of
            points and classes.
        data: points the config's datasets, from which it takes the number of points, at this folder.
        overwrite: ``out`` may exist.
        trust_checkpoint: let ``source`` run code while it is loaded.

    Returns:
        What was written, and what the config's model could not take.

    Raises:
        BadInputError: an unknown kind; a source that is no checkpoint, or one of another network (tensors that are
            missing, left over, or of another shape before the last layers are named); an ``out`` that exists.
    """
    source, out = Path(source), Path(out)
    if kind not in KINDS:
        raise BadInputError(f"unknown kind of weights {kind!r}", expected=" or ".join(KINDS))
    _require_place(source, out, overwrite)
    layout = KINDS[kind]
    with trust_checkpoints(trust_checkpoint):
        weights = _weights(source, layout.FILES)
    model_cfg = None if config is None else load_config(config, data=data).model
    init_default_scope("mmpose")
    state, left_out, meta = layout.converted(weights, model_cfg, source)
    meta |= {
        "source": source.name,
        "sha256": _sha256(source),
        "converter": f"kpplugins {__version__}, {kind}",
    }
    _write({"state_dict": state, "meta": meta}, out)
    return Converted(out, len(state), sum(tensor.numel() for tensor in state.values()), left_out)


def _require_place(source: Path, out: Path, overwrite: bool) -> None:
    """Stop where writing ``out`` would harm something."""
    if out.is_dir():
        raise BadInputError("is a folder", where=str(out), expected="a file to write", todo="add a file name")
    if out.exists() and source.exists() and out.samefile(source):
        raise BadInputError("is the source itself", where=str(out), todo="give another name")
    if out.exists() and not overwrite:
        raise BadInputError("exists already", where=str(out), todo="give another name, or add --overwrite")


def _weights(source: Path, files: str) -> dict[str, Any]:
    """The tensors in a file, as it calls them, without ``module.``."""
    content = read_checkpoint(source)
    if isinstance(content.get("model"), dict):  # as torchvision's training scripts write it
        content = content["model"]
    weights = weights_of(content)
    if not weights:
        raise BadInputError("no weights in it", where=str(source), expected=files)
    return weights


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _write(content: dict[str, Any], out: Path) -> None:
    """Write a checkpoint so that it is there whole or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with beside(out) as folder:
        made = folder / out.name
        try:
            torch.save(content, made)
        except RuntimeError as error:
            raise BadInputError(
                f"cannot be written ({str(error).splitlines()[0]})", where=str(out)
            ) from error
        made.replace(out)
