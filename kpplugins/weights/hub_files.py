"""Weights at ``hf://user/repo`` and ``timm://NAME``, through huggingface_hub, which keeps what it has fetched."""

import re
from pathlib import Path
from typing import Any

from mmengine.runner.checkpoint import CheckpointLoader

from kpplugins.compat.checkpoints import safe_load
from kpplugins.extras import cure
from kpplugins.models.backbones.timm_backbone import SCHEME as TIMM
from kpplugins.structures import BadInputError

HUB = "hf://"
WEIGHTS = ("model.safetensors", "pytorch_model.bin", "model.pth")
"""Names of the file of weights in a repository, in the order in which they are looked for."""
_ADDRESS = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w.-]+))?(?:/(?P<file>[\w./-]+))?")


def repository_of(address: str) -> tuple[str, str | None, str | None]:
    """Take an address on the hub apart.

    Args:
        address: ``hf://user/repo``, with ``@revision`` and ``/file`` where wanted.

    Returns:
        Repository, revision and file; ``None`` for what it does not say.

    Raises:
        BadInputError: it is no such address.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or ".." in address:
        raise BadInputError("not an address on the hub", where=address, expected="hf://user/repo")
    return found["repo"], found["revision"], found["file"]


def hub_file(repo: str, names: tuple[str, ...], revision: str | None = None) -> Path:
    """Fetch the first of several files that a repository on the hub has.

    Args:
        repo: ``user/repo``.
        names: of the files.
        revision: branch, tag or commit. Default: ``main``.

    Returns:
        The file in huggingface_hub's cache; one that is there is used without a connection.

    Raises:
        BadInputError: huggingface_hub is not installed, the hub is out of reach, or the repository has no such file.
    """
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        todo = cure("huggingface_hub")
        raise BadInputError("huggingface_hub is not installed", where=f"{HUB}{repo}", todo=todo) from error
    for name in names:
        try:
            return Path(hf_hub_download(repo, name, revision=revision))
        except LocalEntryNotFoundError as error:
            reason = _deepest(error)
            raise BadInputError(
                f"weights cannot be downloaded ({reason})", where=f"{HUB}{repo}",
                todo=f"fetch {name} of {repo} by hand and name the file",
            ) from error  # fmt: skip
        except EntryNotFoundError:
            continue
        except (HfHubHTTPError, OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:150]
            raise BadInputError(f"weights cannot be downloaded ({reason})", where=f"{HUB}{repo}") from error
    raise BadInputError(
        "no weights in this repository", where=f"{HUB}{repo}", expected=" or ".join(names),
        todo="name the file: hf://user/repo/FILE",
    )  # fmt: skip


@CheckpointLoader.register_scheme(prefixes=HUB)
def load_from_hub(address: str, map_location: Any = None) -> Any:
    """Load weights from the hub.

    Args:
        address: see ``repository_of``.
        map_location: as in ``torch.load``.

    Returns:
        The content of the file.

    Raises:
        BadInputError: see ``hub_file`` and ``safe_load``.
    """
    repo, revision, file = repository_of(address)
    return safe_load(str(hub_file(repo, (file,) if file else WEIGHTS, revision)), map_location)


@CheckpointLoader.register_scheme(prefixes=TIMM)
def load_from_timm(address: str, map_location: Any = None) -> Any:
    """Load the pretrained weights of one of timm's networks, under timm's names.

    Args:
        address: ``timm://NAME``, with or without a tag.
        map_location: as in ``torch.load``.

    Returns:
        The content of the file.

    Raises:
        BadInputError: the network has no weights, or see ``hub_file`` and ``safe_load``.
    """
    import timm

    name = address.removeprefix(TIMM)
    known = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    if known is None or not known.hf_hub_id:
        raise BadInputError("timm has no weights on the hub for this network", where=address)
    names = (known.hf_hub_filename,) if known.hf_hub_filename else WEIGHTS
    return safe_load(str(hub_file(known.hf_hub_id, names)), map_location)


def _deepest(error: BaseException) -> str:
    """Return the reason behind an error, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split())[:150] or type(error).__name__
