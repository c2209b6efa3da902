"""Checkpoints as ``.safetensors``: tensors, and what prediction needs besides them as JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kpplugins.compat.safetensors_files import META, SUFFIX, packed
from kpplugins.extras import cure
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replaced_file
from kpplugins.weights.run_record import KEY, record_of


def save_safetensors(content: Mapping[str, Any], out: Path) -> None:
    """Write the weights of a checkpoint, completely or not at all.

    Args:
        content: of the checkpoint: ``state_dict``, and in ``meta`` plain data.
        out: the file to write, ``NAME.safetensors``.

    Raises:
        BadInputError: safetensors is not installed, or ``out`` has another suffix.
    """
    try:
        from safetensors.torch import save_file
    except ImportError as error:
        raise BadInputError(
            "safetensors is not installed", where=str(out), todo=cure("safetensors")
        ) from error
    if out.suffix != SUFFIX:
        raise BadInputError("not a name of a file of weights", where=str(out), expected=f"NAME{SUFFIX}")
    tensors = {name: value.detach().clone().contiguous() for name, value in content["state_dict"].items()}
    out.parent.mkdir(parents=True, exist_ok=True)
    with replaced_file(out) as made:
        save_file(tensors, made, {META: json.dumps(packed(dict(content.get("meta") or {})))})


def safe_checkpoint(content: Mapping[str, Any], source: Path) -> dict[str, Any]:
    """Return what is kept of a checkpoint: its weights, and what prediction needs besides them.

    The optimizer's state and MMEngine's message hub are left out, so that no training can be resumed from it.

    Args:
        content: of the checkpoint.
        source: its file, whose folder may have more about it, see ``record_of``.

    Returns:
        The content of another checkpoint.

    Raises:
        BadInputError: there are no weights in it.
    """
    from kpplugins.weights.pretrained import weights_of

    weights = weights_of(content)
    if not weights:
        raise BadInputError("contains no weights", where=str(source))
    return {"state_dict": weights, "meta": {KEY: record_of(content, source).to_meta(), "source": source.name}}
