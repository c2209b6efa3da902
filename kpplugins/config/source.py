"""Which file of a config set which value: its files as layers, each read once.

MMEngine evaluates a config and every file that it inherits from once, and copies a base's values before the child
changes them. ``read_config`` records the values of each file, with everything that it inherits, so that the rules can
ask where a value comes from and what it was before.
"""

import contextlib
import copy
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.config import config as mmengine_config

from kpplugins.config.values import same, value_at
from kpplugins.structures import BadInputError

OPTIONS, DATA = "--cfg-options", "--data"
SCOPE = "kpplugins"
CONFIGS = Path(__file__).resolve().parents[1] / ".mim/configs"
"""Our own configs: files in a wheel, a link to ``configs/`` in a checkout."""
_UNREADABLE = (OSError, KeyError, TypeError, ValueError, AttributeError, ImportError, NameError, RuntimeError)
_reading = threading.RLock()


@dataclass(frozen=True, eq=False)
class Layer:
    """One file of a config, or overrides of it, with everything that it inherits.

    Attributes:
        name: the file, or ``OPTIONS`` or ``DATA``.
        values: the whole config at this layer.
        bases: the layers that it inherits from.
    """

    name: str
    values: Any
    bases: tuple["Layer", ...] = ()

    def origin(self, *path: str | int) -> "Layer":
        """Find the layer, from this one down, that set the value of the place."""
        value = value_at(self.values, path)
        for base in self.bases:
            if same(value_at(base.values, path), value):
                return base.origin(*path)
        return self

    @cached_property
    def below(self) -> frozenset["Layer"]:
        """Return all layers that this one inherits from."""
        return frozenset(self.bases).union(*(base.below for base in self.bases))

    def earlier(self, *path: str | int) -> list[Any]:
        """List the values that the place has in the layers below, if they have it."""
        found = (value_at(layer.values, path) for layer in self.below)
        return [value for value in found if value is not None]

    @cached_property
    def is_installed(self) -> bool:
        """Tell whether it is a config of another package, e.g. MMPose, and therefore taken literally."""
        parts = Path(self.name).parts
        return ".mim" in parts and parts[parts.index(".mim") - 1] != SCOPE

    def says(self, *path: str | int) -> bool:
        """Tell whether this layer itself set the value of the place."""
        return self.origin(*path) is self


def file_of(config: str | Path) -> Path:
    """Find the file of a config.

    Args:
        config: its path, or the name of one of our own configs, ``kpplugins::NAME.py``.

    Returns:
        The path of the file.

    Raises:
        BadInputError: there is no such file.
    """
    package, marks, name = str(config).partition("::")
    path = CONFIGS / name if marks and package == SCOPE else Path(config)
    if not path.is_file():
        raise BadInputError("no such config", where=str(config), todo=f"see the files in {CONFIGS}")
    return path


def read_config(config: str | Path | Config) -> tuple[Config, Layer]:
    """Read a config and record the values of each of its files.

    Args:
        config: the file, in any form that MMEngine reads, or one of ours as ``kpplugins::NAME.py``; or a ``Config``,
            which is a layer over the file that it was read from, if that still exists.

    Returns:
        The config as MMEngine reads it (a copy, for a ``Config``), and its topmost layer.

    Raises:
        BadInputError: no such file, or one that cannot be read.
    """
    if isinstance(config, Config):
        cfg = copy.deepcopy(config)
        file = Path(str(cfg.filename)) if cfg.filename else None
        bases = (_read(file)[1],) if file and file.is_file() else ()
        return cfg, Layer(str(file or "Config"), copy.deepcopy(dict(cfg.items())), bases)
    return _read(file_of(config))


def over(cfg: Config, layer: Layer, name: str) -> Layer:
    """Make a layer of the current config.

    Args:
        cfg: the config, after the overrides.
        layer: the layer before them.
        name: of the overrides, ``OPTIONS`` or ``DATA``.

    Returns:
        The new layer, over ``layer``.
    """
    return Layer(name, copy.deepcopy(dict(cfg.items())), (layer,))


def _read(path: Path) -> tuple[Config, Layer]:
    try:
        with _recording() as layers:
            cfg = Config.fromfile(str(path))
    except BadInputError:
        raise
    except SyntaxError as error:
        raise BadInputError(
            f"not Python: {error.msg}", where=f"{error.filename or path}:{error.lineno}"
        ) from error
    except _UNREADABLE as error:
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInputError(f"config cannot be read: {message}", where=str(path)) from error
    return cfg, layers[-1]


@dataclass
class _Recorder:
    """Replaces one of MMEngine's functions that read a file, and records what it returns."""

    read: Callable
    stack: list[list[Layer]] = field(default_factory=lambda: [[]])

    def __call__(self, filename: str, *args: Any, **kwargs: Any) -> tuple:
        self.stack.append([])
        result = self.read(filename, *args, **kwargs)
        bases = tuple(self.stack.pop())
        self.stack[-1].append(Layer(str(filename), copy.deepcopy(dict(result[0])), bases))
        return result


@contextlib.contextmanager
def _recording() -> Iterator[list[Layer]]:
    """Collect the layers that are read inside the block; the last one's ``bases`` hold the whole chain."""
    layers: list[list[Layer]] = [[]]
    with _reading:
        ours: dict[str, Callable] = {
            "_file2dict": _Recorder(Config._file2dict, layers),
            "_parse_lazy_import": _Recorder(_from_wheels(Config._parse_lazy_import), layers),
            "_get_cfg_path": _with_ours(Config._get_cfg_path),
        }
        before = {name: Config.__dict__[name] for name in ours}
        for name, function in ours.items():
            setattr(Config, name, staticmethod(function))
        try:
            yield layers[0]
        finally:
            for name, function in before.items():
                setattr(Config, name, function)


def _with_ours(find: Callable) -> Callable:
    """Let ``_base_ = "kpplugins::NAME.py"`` find our own configs.

    MMEngine's own search knows only OpenMMLab's packages, requires a folder in the name, and adds a scope to everything
    that it takes from there; our classes are in MMPose's registries.
    """

    def finding(path: str, filename: str) -> tuple[str, str | None]:
        if path.startswith(f"{SCOPE}::"):
            return str(file_of(path)), None
        return find(path, filename)

    return finding


def _from_wheels(read: Callable) -> Callable:
    """Let ``from mmpose.configs... import`` find what MMPose's wheel keeps in ``mmpose/.mim/configs``."""

    def reading(filename: str) -> tuple:
        path_of = mmengine_config.get_installed_path

        def folder_of(package: str) -> str:
            root = Path(path_of(package))
            in_wheel = not (root / "configs").is_dir() and (root / ".mim/configs").is_dir()
            return str(root / ".mim" if in_wheel else root)

        mmengine_config.get_installed_path = folder_of
        try:
            return read(filename)
        finally:
            mmengine_config.get_installed_path = path_of

    return reading
