"""Find the run and the checkpoint that are meant, and load the checkpoint strictly."""

import re
from pathlib import Path
from typing import Any

from kpplugins.structures import BadInputError
from kpplugins.weights.comparison import compare_weights, listed
from kpplugins.weights.finite import require_finite

HUB_FILE = "model.safetensors"
"""Name of a model that came from the hub."""
SUFFIXES = (".pth", ".safetensors")
"""Of the names of checkpoints."""
_SAID_BY_THE_CONFIG = ("data_preprocessor.mean", "data_preprocessor.std")
"""Entries of weights that OpenMMLab published; today's models read these values from the config instead."""


def default_checkpoint(work_dir: Path) -> Path:
    """Return the best checkpoint of a run, else its last one.

    Args:
        work_dir: the run's work dir.

    Returns:
        The newest ``best_*.pth``, else the newest ``epoch_*.pth``, else the newest ``iter_*.pth``, else
        ``model.safetensors``. Where the run kept the best by several metrics, the best by the first that its config
        names in ``save_best``.

    Raises:
        BadInputError: the folder holds none.
    """
    for pattern in ("best_*.pth", "epoch_*.pth", "iter_*.pth", HUB_FILE):
        found = sorted(work_dir.glob(pattern), key=age_of)
        if found:
            return _by_first_metric(found, work_dir)
    raise BadInputError(
        "no checkpoint here",
        where=str(work_dir),
        expected="best_*.pth or epoch_*.pth",
        todo="train first: kpplugins train CONFIG, or name the checkpoint",
    )


def age_of(file: Path) -> tuple[float, int]:
    """Tell which of several checkpoints is the newest; the clocks of file systems are coarse.

    Args:
        file: a checkpoint, with its number at the end of its name.

    Returns:
        What is greatest for the newest: time, then number.
    """
    return file.stat().st_mtime, int(re.sub(r"\D", "", file.stem.rpartition("_")[2]) or 0)


def _by_first_metric(found: list[Path], work_dir: Path) -> Path:
    """Return the newest of the checkpoints; of those that are best by different metrics, by the first one."""
    kinds = {file.name.rpartition("_epoch_")[0] or file.name.rpartition("_iter_")[0] for file in found}
    if len(kinds) > 1:
        for file in sorted(work_dir.glob("*.py"), key=lambda p: p.stat().st_mtime, reverse=True):
            for metric in _metrics_in(file):
                named = [f for f in found if f.name.startswith(f"best_{metric.replace('/', '_')}_")]
                if named:
                    return named[-1]
    return found[-1]


def _metrics_in(config: Path) -> list[str]:
    """Return ``save_best`` of a run's config."""
    from kpplugins.weights.stored_config import config_from_text

    try:
        hooks = config_from_text(config.read_text(encoding="utf-8"), str(config)).get("default_hooks") or {}
    except BadInputError:  # written by hand
        return []
    metrics = (hooks.get("checkpoint") or {}).get("save_best") or []
    return [metrics] if isinstance(metrics, str) else list(metrics)


def newest_checkpoint(work_dirs: Path = Path("work_dirs")) -> Path:
    """Return the best checkpoint of the run that wrote a checkpoint most recently.

    Args:
        work_dirs: folder that is searched for runs, subfolders included.

    Returns:
        The checkpoint that ``default_checkpoint`` picks in that run's work dir.

    Raises:
        BadInputError: the folder holds no run.
    """
    found = sorted(work_dirs.glob("**/*.pth"), key=lambda p: p.stat().st_mtime, reverse=True)
    for checkpoint in found:
        if any(checkpoint.parent.glob("*.py")):
            return default_checkpoint(checkpoint.parent)
    raise BadInputError(
        "no trained run here",
        where=str(work_dirs),
        expected="a folder with a config and a checkpoint",
        todo="train first: kpplugins train CONFIG, or give --checkpoint",
    )


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU without running code from it (see ``compat.checkpoints``).

    Args:
        path: the checkpoint.

    Returns:
        Its content: a dict with ``state_dict``, or the tensors by name.

    Raises:
        BadInputError: no such file, or not a checkpoint of a model.
    """
    from kpplugins.compat.checkpoints import safe_load

    if not path.is_file():
        raise BadInputError("no such checkpoint", where=str(path))
    content = safe_load(str(path), map_location="cpu")
    if not isinstance(content, dict) or not isinstance(content.get("state_dict", content), dict):
        raise BadInputError(
            "not a checkpoint of a model",
            where=str(path),
            expected="a dict with state_dict",
            found=type(content).__name__,
        )
    return content


def require_fit(
    model: Any, path: Path, content: dict[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the model's weights from a checkpoint, and its ``meta``; stop where they belong to another model.

    Args:
        model: may be wrapped for distributed training.
        path: the checkpoint.
        content: its content, if it has been read already.

    Returns:
        Tensors by name, without ``module.``; and ``meta``, empty where the checkpoint has none.

    Raises:
        BadInputError: the weights are another model's; the message names the first keys that are missing, left over,
            or of another shape. Or they are not finite.
    """
    content = read_checkpoint(path) if content is None else content
    weights = {k.removeprefix("module."): v for k, v in content.get("state_dict", content).items()}
    own = unwrapped(model).state_dict()
    found = compare_weights(own, weights)
    extra = [name for name in found.left_over if name not in _SAID_BY_THE_CONFIG]
    if not found.covers or extra:
        raise BadInputError(
            "checkpoint of another model",
            where=str(path),
            expected=f"{len(own)} entries of this config",
            found=listed({"missing": found.missing, "left over": extra, "of another shape": found.shapes}),
            todo="give the config it was trained with",
        )
    require_finite(weights, str(path))
    return weights, (content.get("meta") or {}) if "state_dict" in content else {}


def load_strictly(model: Any, path: Path, content: dict[str, Any] | None = None) -> None:
    """Load a checkpoint into the model it was written from, and pass its name to the model's ``loaded_from``, if any.

    Args:
        model: may be wrapped for distributed training.
        path: the checkpoint.
        content: its content, if it has been read already.

    Raises:
        BadInputError: see ``require_fit``.
    """
    model = unwrapped(model)
    weights, meta = require_fit(model, path, content)
    model.load_state_dict(weights, strict=False)
    if hasattr(model, "loaded_from"):
        model.loaded_from(str(meta.get("source", path.name)))


def unwrapped(model: Any) -> Any:
    """Return the model itself, without the wrapper of distributed training.

    Args:
        model: may be wrapped.

    Returns:
        The wrapped model, or ``model`` where it has no wrapper.
    """
    from mmengine.model import is_model_wrapper

    return model.module if is_model_wrapper(model) else model


def run_of(config: str | Path | None, checkpoint: str | Path | None) -> tuple[Path | None, Path]:
    """Find the config and the checkpoint that are meant.

    Without a checkpoint, the best one of the config's work dir is taken; without both, the newest run's.

    Args:
        config: a config file, or a checkpoint or the work dir of a run, which bring their own config.
        checkpoint: a checkpoint.

    Returns:
        The config, or ``None`` for the checkpoint's own; and the checkpoint.

    Raises:
        BadInputError: there is no such checkpoint or run.
    """
    if config is not None and checkpoint is None and Path(config).is_dir():
        return None, default_checkpoint(Path(config))
    if config is not None and checkpoint is None and Path(config).suffix in SUFFIXES:
        config, checkpoint = None, config
    if config is None:
        return None, newest_checkpoint() if checkpoint is None else Path(checkpoint)
    if checkpoint is None:
        from kpplugins.config.load import work_dir_of

        checkpoint = default_checkpoint(work_dir_of(Path(config)))
    return Path(config), Path(checkpoint)
