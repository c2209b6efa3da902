"""What a run was made from: versions, command, state of the sources, seed and data."""

import hashlib
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mmengine.config import Config

from kpplugins.datasets.wrapped import inner_datasets
from kpplugins.storage.files import is_folder, open_file, size_of, walk
from kpplugins.structures.addresses import as_path
from kpplugins.structures.checksum import sha256_in
from kpplugins.version import __version__

RUN_FACTS = "environment.json"
"""Name of the file beside the logs."""
_PACKAGES = (
    "torch", "torchvision", "onedl-mmengine", "onedl-mmcv", "onedl-mmdetection", "mmpose", "hotcoco", "numpy",
    "opencv-python", "scipy",
)  # fmt: skip
_ANNOTATIONS = (".json", ".csv")


def run_facts(cfg: Config, datasets: dict[str, Any], seed: int | None) -> dict[str, Any]:
    """Collect what is needed to tell two runs apart, or to repeat one.

    Args:
        cfg: the settled config.
        datasets: those of the run, by split.
        seed: the run's seed.

    Returns:
        Plain data: ``command``, ``config`` (its path), ``seed``, ``python``, ``platform``, ``packages`` (version by
        name; ``None`` for one that is not installed), ``git`` (``commit`` and whether files were ``changed``, of the
        folder of the config; ``None`` outside a repository), ``samples`` by split, and ``data`` by folder: how many
        ``files``, ``names_and_sizes`` (one SHA-256), and ``annotations`` (the SHA-256 of each JSON and CSV file).
    """
    roots = {
        str(part.data_root)
        for dataset in datasets.values()
        for part in inner_datasets(dataset)
        if getattr(part, "data_root", None) and is_folder(as_path(part.data_root))
    }
    return {
        "command": sys.argv,
        "config": str(cfg.filename),
        "seed": seed,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {"kpplugins": __version__, **{name: _version(name) for name in _PACKAGES}},
        "git": _git(Path(cfg.filename).parent if cfg.filename else Path.cwd()),
        "samples": {split: len(dataset) for split, dataset in datasets.items()},
        "data": {root: _fingerprint(as_path(root)) for root in sorted(roots)},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git(folder: Path) -> dict[str, Any] | None:
    """Return the state of the repository that a folder lies in."""

    def ask(*words: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    if not commit:
        return None
    return {"commit": commit, "changed": bool(ask("status", "--porcelain", "--untracked-files=no"))}


def _fingerprint(root: Path) -> dict[str, Any]:
    listing, count = hashlib.sha256(), 0
    annotations: dict[str, str] = {}
    for name in sorted(walk(root)):
        path = root / name
        try:
            listing.update(f"{name} {size_of(path)}\n".encode("utf-8", "surrogateescape"))
            if path.suffix.lower() in _ANNOTATIONS:
                with open_file(path) as file:
                    annotations[name] = sha256_in(file)
        except OSError:  # a link to nothing, or not ours to read
            continue
        count += 1
    return {"files": count, "names_and_sizes": listing.hexdigest(), "annotations": annotations}
