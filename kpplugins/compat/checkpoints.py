"""Load checkpoints without running code from the file.

Gap: MMEngine's checkpoints hold more than tensors (``HistoryBuffer``s and NumPy arrays of its message hub, NumPy arrays
of the dataset's metainfo). If torch refuses such a file, onedl-mmengine falls back to plain unpickling with
only a warning, which runs whatever code the file contains. Here the few classes that training writes are declared safe,
and everything else is refused unless the caller trusts the file.

Remove when MMEngine loads its own files under ``weights_only=True`` and raises instead of falling back.
"""

import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.parse import urlsplit

from kpplugins.compat.safetensors_files import SUFFIX, read_safetensors
from kpplugins.structures import BadInputError

_OWN_FUNCTIONS = {
    "HistoryBuffer": ("mean", "max", "min", "current"),
    "OneCycleParamScheduler": ("_annealing_cos", "_annealing_linear"),
}
"""Functions of MMEngine's classes that are part of the pickled state of their instances."""

_trusting: ContextVar[bool] = ContextVar("trusting_checkpoints", default=False)


def safe_classes() -> list[Any]:
    """List what MMEngine's training writes into a checkpoint besides tensors and plain Python values.

    Two classes are pickled with functions of their own, as ``getattr(cls, name)``; the ``getattr`` allowed here returns
    exactly those (see ``_OWN_FUNCTIONS``).

    Returns:
        Entries for ``torch.serialization.safe_globals``.
    """
    import numpy as np

    multiarray = (np._core if hasattr(np, "_core") else np.core).multiarray
    dtypes = {type(np.dtype(kind)) for kind in (bool, *"bhilqBHILQefd")}
    numpy_parts = [np.ndarray, np.dtype, multiarray._reconstruct, multiarray.scalar, *dtypes]
    return [*_owners(), (_own_function, "builtins.getattr"), (_no_bytes, "builtins.bytes"), *numpy_parts]


def safe_load(file: Any, map_location: Any = None, weights_only: bool | None = None) -> Any:
    """Run ``torch.load`` without running code from the file, unless inside ``trust_checkpoints(True)``.

    Replaces MMEngine's ``_safe_torch_load``.

    Args:
        file: path or open binary file.
        map_location: as in ``torch.load``.
        weights_only: ignored; only ``trust_checkpoints`` decides.

    Returns:
        The content of the checkpoint.

    Raises:
        BadInputError: the file is not a checkpoint, or would run code; the message says which.
        FileNotFoundError: there is no such file.
    """
    import torch

    if str(file).endswith(SUFFIX):
        return read_safetensors(file)
    if _trusting.get():
        return torch.load(file, map_location=map_location, weights_only=False)
    where = str(file if isinstance(file, (str, Path)) else getattr(file, "name", file))
    try:
        with torch.serialization.safe_globals(safe_classes()):
            return torch.load(file, map_location=map_location, weights_only=True)
    except UnpicklingError as error:
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        if wanted is None:
            raise _not_a_checkpoint(where, error) from error
        raise BadInputError(
            f"checkpoint wants to run {wanted[1]}",
            where=where,
            expected="tensors and plain values only",
            todo="if you trust where it comes from, add --trust-checkpoint",
        ) from error
    except FileNotFoundError:
        raise
    except (
        RuntimeError,
        EOFError,
        OSError,
        LookupError,
        ValueError,
        struct.error,
    ) as error:  # cut off, or no pickle
        raise _not_a_checkpoint(where, error) from error


@contextmanager
def trust_checkpoints(trust: bool) -> Iterator[None]:
    """Allow or forbid checkpoints to run code while they are loaded, within a ``with`` block.

    Args:
        trust: True allows it.

    Yields:
        Nothing.
    """
    token = _trusting.set(trust)
    try:
        yield
    finally:
        _trusting.reset(token)


def safe_load_url(url: str, model_dir: str | None = None, map_location: Any = None, **kwargs: Any) -> Any:
    """Download a checkpoint once into the hub folder, then load it with ``safe_load``.

    Replaces ``torch.hub.load_state_dict_from_url``.

    Args:
        url: address of the file.
        model_dir: folder to download to; ``None`` is the hub's.
        map_location: as in ``torch.load``.
        **kwargs: ``progress`` as in torch; others are ignored.

    Returns:
        The content of the checkpoint.

    Raises:
        BadInputError: the address cannot be reached; or see ``safe_load``. A file that does not load is deleted.
    """
    import torch

    folder = Path(model_dir or Path(torch.hub.get_dir()) / "checkpoints")
    file = folder / Path(urlsplit(url).path).name
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        arriving = folder / f"{os.getpid()}.part.{file.name}"
        try:
            torch.hub.download_url_to_file(url, str(arriving), progress=bool(kwargs.get("progress", True)))
            content = safe_load(str(arriving), map_location=map_location)
            arriving.replace(file)
            return content
        except (OSError, HTTPException) as error:
            raise BadInputError(
                f"weights cannot be downloaded ({error})", where=url, todo=f"fetch them by hand to {file}"
            ) from error
        except BadInputError as error:
            raise BadInputError(
                error.what, where=url, expected=error.expected, found=error.found, todo=error.todo
            ) from error
        finally:
            arriving.unlink(missing_ok=True)
    return safe_load(str(file), map_location=map_location)


def install() -> None:
    """Replace MMEngine's loaders by ``safe_load`` and ``safe_load_url``.

    Raises:
        RuntimeError: this MMEngine has no such loaders, so that checkpoints could not be made safe.
    """
    from mmengine.runner import checkpoint

    for name, ours in (("_safe_torch_load", safe_load), ("load_url", safe_load_url)):
        if not hasattr(checkpoint, name):
            raise RuntimeError(
                f"mmengine.runner.checkpoint.{name} is gone; to do: pip install 'onedl-mmengine>=0.10.12'"
            )
        setattr(checkpoint, name, ours)


def _owners() -> dict[type, tuple[str, ...]]:
    """Return the classes of ``_OWN_FUNCTIONS``, with their functions."""
    from mmengine.logging.history_buffer import HistoryBuffer
    from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

    return {cls: _OWN_FUNCTIONS[cls.__name__] for cls in (HistoryBuffer, OneCycleParamScheduler)}


def _own_function(owner: Any, name: str) -> Any:
    """Act as ``getattr``, but only for ``_OWN_FUNCTIONS``."""
    if not isinstance(owner, type) or name not in _owners().get(owner, ()):
        raise UnpicklingError(f"GLOBAL getattr of {name!r}")
    return getattr(owner, name)


def _no_bytes() -> bytes:
    """Act as ``bytes()``, as which the content of an empty array is pickled."""
    return b""


def _not_a_checkpoint(where: str, error: Exception) -> BadInputError:
    size = Path(where).stat().st_size if Path(where).is_file() else 0
    reason = (str(error).splitlines() or [type(error).__name__])[0][:100]
    return BadInputError(
        "not a whole checkpoint",
        where=where,
        expected="a .pth file written by training",
        found=f"{size} bytes, {reason}",
        todo="fetch or train it again",
    )
