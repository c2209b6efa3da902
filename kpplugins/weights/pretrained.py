"""Weights to start from: pretrained parts that a config names, fetched before training starts, or left out on request.

A config names them in three ways. ``init_cfg=dict(type='Pretrained', checkpoint=…)`` of a part of the model and
``model.weights`` of Keypoint R-CNN are read when training initialises the model; ``load_from``, a checkpoint of a
whole model, is read after that. Testing, prediction and resuming load a checkpoint of the model itself, so they read
none of these.
"""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.config import Config

import kpplugins.weights.hub_files  # noqa: F401  # registers the addresses that it loads from
from kpplugins.structures import BadInputError
from kpplugins.weights.comparison import compare_weights, listed
from kpplugins.weights.finite import require_finite

logger = logging.getLogger(__name__)
TIMEOUT = 20.0
"""Seconds without an answer after which an address counts as out of reach."""
FROM_SCRATCH = "or train without them: --from-scratch"


def pretrained_of(cfg: Config) -> list[tuple[str, str, str]]:
    """Return the weights that training with this config would start from.

    Args:
        cfg: a config with ``model`` and, optionally, ``load_from``.

    Returns:
        For each, in the order of reading: its dotted place in the config, its address (a path, a URL, or another of
        MMEngine's schemes) and the prefix of the entries that are taken (``""`` for all). The checkpoint that a run
        resumes from is not among them.
    """
    found = [
        (f"{place}.init_cfg", str(init["checkpoint"]), str(init.get("prefix") or ""))
        for place, part in _parts("model", cfg.get("model"))
        for init in _as_list(part.get("init_cfg"))
        if _is_pretrained(init)
    ]
    model: Any = cfg.get("model") or {}
    if model.get("weights"):
        from kpplugins.models.detectors.keypoint_rcnn_weights import address_of

        found.append(("model.weights", address_of(model.weights, model.get("backbone", "resnet50")), ""))
    if cfg.get("load_from") and not cfg.get("resume"):
        found.append(("load_from", str(cfg.load_from), ""))
    return found


def require_pretrained(cfg: Config, model: Any = None, timeout: float = TIMEOUT) -> None:
    """Fetch every pretrained file that the config names, so that training cannot fail later for lack of one.

    A file is fetched once and kept in torch's hub folder. Where ``load_from`` covers a part of the model completely,
    that part needs no file of its own: none is fetched, and ``model`` is changed so that it reads none.

    Args:
        cfg: the settled config.
        model: the model built from it, not wrapped; ``None`` skips the check that something in each file fits.
        timeout: seconds without an answer after which an address counts as out of reach.

    Raises:
        BadInputError: a file cannot be fetched, is incomplete, or holds nothing for its part of the model; the message
            names the place in the config, the address, the reason and what to do.
    """
    given: dict[str, Any] = {}
    for place, address, prefix in reversed(pretrained_of(cfg)):  # load_from, the last, goes first
        if given and model is not None and _take_over(model, place, given):
            logger.info("%s (%s) is not read: load_from gives all weights of that part", place, address)
            continue
        try:
            weights = _require(place, address, prefix, model, timeout)
        except BadInputError as fault:
            if not given:
                raise
            todo = fault.todo.replace(f", {FROM_SCRATCH}", "")  # which would leave load_from out, too
            raise BadInputError(
                fault.what, where=fault.where, expected=fault.expected, found=fault.found, todo=todo
            ) from fault
        given = weights if place == "load_from" else given


def _require(place: str, address: str, prefix: str, model: Any, timeout: float) -> dict[str, Any]:
    """Return the tensors of one file; stop where it cannot be fetched or nothing in it fits its part of the model."""
    weights = weights_of(_fetch(place, address, timeout), prefix)
    if not weights:
        wanted = f"no tensors under {prefix!r} in it" if prefix else "no tensors in it"
        raise _unusable(place, address, wanted, f"name another file, {FROM_SCRATCH}")
    part = None if model is None else _part_at(model, place)
    if part is not None and place != "load_from" and hasattr(part, "translated"):
        try:
            return part.translated(weights)
        except BadInputError as error:
            raise _unusable(
                place,
                address,
                f"{error.what}: {error.found}",
                f"name weights of this architecture, {FROM_SCRATCH}",
            ) from error
    if part is not None and not _fitting(part, weights):
        own = next(iter(part.state_dict()), "none")
        found = f"nothing in it that fits: {next(iter(weights))}, … for {own}, …"
        raise _unusable(place, address, found, f"name weights of this architecture, {FROM_SCRATCH}")
    return weights


def _take_over(model: Any, place: str, given: dict[str, Any]) -> bool:
    """Keep a part of the model from reading its own file where ``load_from`` covers it; return whether it does."""
    if place == "model.weights":
        part, prefix = model, ""
    else:
        part, prefix = _part_at(model, place), ".".join(place.split(".")[1:-1])
    start = f"{prefix}." if prefix else ""
    inside = {name.removeprefix(start): v for name, v in given.items() if name.startswith(start)}
    if part is None or not compare_weights(part.state_dict(), inside).covers:
        return False
    if place == "model.weights":
        forget_weights(model)
    else:
        part.init_cfg = None
    return True


def require_no_own(cfg: Config) -> None:
    """Raise if training from scratch is asked of a config that starts from a checkpoint of the user's own.

    Args:
        cfg: the settled config.

    Raises:
        BadInputError: ``load_from`` is a file. An address of published weights is none of the user's own.
    """
    if cfg.get("load_from") and "://" not in str(cfg.load_from) and not cfg.get("resume"):
        raise BadInputError(
            "--from-scratch and load_from contradict each other", where="load_from", found=str(cfg.load_from),
            todo="leave --from-scratch out; parts whose weights load_from gives fetch none of their own, and "
            "--cfg-options model.backbone.init_cfg=None leaves out one alone; or, to train from random weights, "
            "--cfg-options load_from=None",
        )  # fmt: skip


def drop_pretrained(cfg: Config) -> list[str]:
    """Remove all weights to start from from the config; each part is then initialised by its class's default.

    Args:
        cfg: the settled config; changed in place.

    Returns:
        What was removed, as ``place (address)``.
    """
    dropped = [f"{place} ({address})" for place, address, _ in pretrained_of(cfg)]
    for _, part in list(_parts("model", cfg.get("model"))):
        if "init_cfg" in part:
            kept = [init for init in _as_list(part["init_cfg"]) if not _is_pretrained(init)]
            if not kept:
                part.pop("init_cfg")  # the default of the class takes its place
            elif isinstance(part["init_cfg"], list):
                part["init_cfg"] = kept
    if not cfg.get("resume"):
        cfg.load_from = None
        if (cfg.get("model") or {}).get("weights"):
            cfg.model.weights = None
    return dropped


def forget_weights(model: Any) -> None:
    """Keep a model that was built with ``model.weights`` from reading them, as its own checkpoint is loaded instead.

    The config still names them, since they decide which layers are frozen.

    Args:
        model: not wrapped; changed in place where it has ``weights``.
    """
    if hasattr(model, "weights"):
        model.weights = None


def weights_of(checkpoint: Any, prefix: str = "") -> dict[str, Any]:
    """Return the tensors in a checkpoint's content.

    Args:
        checkpoint: a dict of tensors, or one that has such a dict as ``state_dict``.
        prefix: take only the entries under it, and remove it from their names; without one, ``module.`` of distributed
            training is removed.

    Returns:
        Tensors by name.
    """
    import torch

    weights = checkpoint.get("state_dict", checkpoint) if isinstance(checkpoint, dict) else {}
    start = f"{prefix.rstrip('.')}." if prefix else ""
    return {
        str(k).removeprefix(start or "module."): v
        for k, v in (weights.items() if isinstance(weights, dict) else ())
        if isinstance(v, torch.Tensor) and str(k).startswith(start)
    }


def keep_fitting(model: Any, checkpoint: Any, where: str) -> dict[str, Any]:
    """Keep the weights of a checkpoint that fit the model, and warn about the others, with both shapes.

    So a model of 17 keypoints gives its backbone to one of 9 keypoints, whose head starts from scratch.

    Args:
        model: the model, not wrapped.
        checkpoint: its content.
        where: its address, for messages.

    Returns:
        The checkpoint with only the fitting tensors as ``state_dict``; its other entries are unchanged.

    Raises:
        BadInputError: no tensor fits the model, or a value is not finite.
    """
    own, weights = model.state_dict(), weights_of(checkpoint)
    require_finite(weights, where)
    found, fitting = compare_weights(own, weights), _fitting(model, weights)
    if not fitting:
        raise BadInputError(
            "nothing in these weights fits the model",
            where=where,
            expected=f"{len(own)} tensors like {next(iter(own), 'none')}",
            found=f"{len(weights)} like {next(iter(weights), 'none')}",
            todo=f"name a checkpoint of this architecture, {FROM_SCRATCH}",
        )
    told = listed({
        "of another shape": found.shapes, "that the model lacks": found.left_over,
        "that the file lacks": found.missing,
    })  # fmt: skip
    if told:
        logger.warning("%s: %d tensors taken, left out %s", where, len(fitting), told)
    kept = {k: v for k, v in checkpoint.items() if k != "state_dict"} if "state_dict" in checkpoint else {}
    return {**kept, "state_dict": fitting}


def _fetch(place: str, address: str, timeout: float) -> Any:
    """Return the content of the file at an address; ``place`` is for messages."""
    from mmengine.runner.checkpoint import CheckpointLoader

    try:
        with _impatient(timeout):
            return CheckpointLoader.load_checkpoint(address, map_location="cpu", logger="silent")
    except BadInputError as error:
        reason = f"{error.what}, {error.found}" if error.found else error.what
        todo = f"{error.todo}, {FROM_SCRATCH}" if error.todo else FROM_SCRATCH.removeprefix("or ")
        raise _unusable(place, address, reason, todo) from error
    except (OSError, KeyError, ImportError, RuntimeError) as error:
        reason = str(error) or type(error).__name__
        raise _unusable(place, address, reason, f"correct the address, {FROM_SCRATCH}") from error


def _fitting(part: Any, weights: dict[str, Any]) -> dict[str, Any]:
    """Return the weights that a part of a model has in the same shape; none where only counters would fit."""
    fitting = {name: weights[name] for name in compare_weights(part.state_dict(), weights).fitting}
    return fitting if any(v.ndim for v in fitting.values()) else {}


def _part_at(model: Any, place: str) -> Any:
    """Return the part of the model built from a place of the config; ``None`` where no module of its own was built."""
    if place == "load_from":
        return model
    for name in place.removesuffix(".init_cfg").split(".")[1:]:
        model = getattr(model, name, None)
    return model if hasattr(model, "state_dict") else None


def _unusable(place: str, address: str, reason: str, todo: str) -> BadInputError:
    found = " ".join(reason.splitlines()[0].split())
    if place != "load_from":
        todo += f"; or without this one: --cfg-options {place.replace('[', '.').replace(']', '')}=None"
    return BadInputError("pretrained weights fail", where=place, expected=address, found=found, todo=todo)


@contextmanager
def _impatient(timeout: float) -> Iterator[None]:
    """Give up connections that are silent for ``timeout`` seconds; torch's loader has no option for it."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(timeout)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _parts(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every dict in a model config with its dotted place, from outside to inside, except ``init_cfg``."""
    if isinstance(value, dict):
        yield place, value
        for key, inner in value.items():
            if key != "init_cfg":
                yield from _parts(f"{place}.{key}", inner)
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            yield from _parts(f"{place}[{i}]", inner)


def _is_pretrained(init: Any) -> bool:
    return isinstance(init, dict) and init.get("type") == "Pretrained" and bool(init.get("checkpoint"))


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]
