"""Which run and which checkpoint is meant, and loading it without surprises."""

from pathlib import Path
from typing import Any

from kpplugins.structures import BadInputError

_SAID_BY_THE_CONFIG = ("data_preprocessor.mean", "data_preprocessor.std")
"""In weights that OpenMMLab has published, though the models no longer keep them there."""


def default_checkpoint(work_dir: Path) -> Path:
    """The best checkpoint of a run, else its last one.

    Raises:
        BadInputError: the folder holds none.
    """
    for pattern in ("best_*.pth", "epoch_*.pth", "iter_*.pth"):
        found = sorted(work_dir.glob(pattern), key=lambda p: p.stat().st_mtime)
        if found:
            return found[-1]
    raise BadInputError(
        "no checkpoint here",
        where=str(work_dir),
        expected="best_*.pth or epoch_*.pth",
        todo="train first: kpplugins train CONFIG, or name the checkpoint",
    )


def newest_run(work_dirs: Path = Path("work_dirs")) -> tuple[Path, Path]:
    """Config and checkpoint of the run whose checkpoint was written last.

    Raises:
        BadInputError: no run is there.
    """
    checkpoints = sorted(work_dirs.glob("**/*.pth"), key=lambda p: p.stat().st_mtime, reverse=True)
    for checkpoint in checkpoints:
        configs = sorted(checkpoint.parent.glob("*.py"), key=lambda p: p.stat().st_mtime)
        if configs:
            return configs[-1], default_checkpoint(checkpoint.parent)
    raise BadInputError(
        "no trained run here",
        where=str(work_dirs),
        expected="a folder with a config and a checkpoint",
        todo="train first: kpplugins train CONFIG, or give --config and --checkpoint",
    )


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, on the CPU, running no code from it (see ``compat.checkpoints``).

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


def require_fit(model: Any, path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The model's weights in a checkpoint, and its ``meta``; stops when they are not this model's.

    Raises:
        BadInputError: it names the first keys that are missing, left over, or of another shape.
    """
    content = read_checkpoint(path)
    model = unwrapped(model)
    weights = {k.removeprefix("module."): v for k, v in content.get("state_dict", content).items()}
    own = model.state_dict()
    missing = [k for k in own if k not in weights and not k.endswith("num_batches_tracked")]
    extra = [
        k for k in weights
        if k not in own and k not in _SAID_BY_THE_CONFIG and not k.endswith("num_batches_tracked")
    ]  # fmt: skip
    shapes = [
        f"{k} {tuple(weights[k].shape)} for {tuple(own[k].shape)}"
        for k in own
        if k in weights and weights[k].shape != own[k].shape
    ]
    faults = [("missing", missing), ("left over", extra), ("of another shape", shapes)]
    if any(keys for _, keys in faults):
        words = "; ".join(
            f"{len(keys)} {kind} ({keys[0]}{', …' if keys[1:] else ''})" for kind, keys in faults if keys
        )
        raise BadInputError(
            "checkpoint of another model",
            where=str(path),
            expected=f"{len(own)} entries of this config",
            found=words,
            todo="give the config it was trained with",
        )
    return weights, (content.get("meta") or {}) if "state_dict" in content else {}


def load_strictly(model: Any, path: Path) -> None:
    """Load a checkpoint into the model it was written from; a model with ``loaded_from`` is told the file's name.

    Raises:
        BadInputError: see ``require_fit``.
    """
    model = unwrapped(model)
    weights, meta = require_fit(model, path)
    model.load_state_dict(weights, strict=False)
    if hasattr(model, "loaded_from"):
        model.loaded_from(str(meta.get("source", path.name)))


def unwrapped(model: Any) -> Any:
    """The model itself, where it is wrapped for distributed training."""
    from mmengine.model import is_model_wrapper

    return model.module if is_model_wrapper(model) else model


def run_of(config: str | Path | None, checkpoint: str | Path | None) -> tuple[Path, Path]:
    """Config and checkpoint that are meant: as given; else the newest run's, or the config's own work dir's best.

    Raises:
        BadInputError: nothing is there, or a checkpoint was given and no config lies beside it.
    """
    if config is None and checkpoint is None:
        return newest_run()
    if config is None:
        beside = sorted(Path(str(checkpoint)).parent.glob("*.py"), key=lambda p: p.stat().st_mtime)
        if not beside:
            raise BadInputError(
                "no config beside this checkpoint", where=str(checkpoint), todo="give --config too"
            )
        return beside[-1], Path(str(checkpoint))
    if checkpoint is None:
        from kpplugins.config.load import work_dir_of

        checkpoint = default_checkpoint(work_dir_of(Path(config)))
    return Path(config), Path(checkpoint)
