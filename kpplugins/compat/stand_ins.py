"""How a stand-in takes the place of a missing package: an import hook and a record of what was done.

Nothing is imported until the missing name is: ``activate`` only registers names with a ``StandInFinder`` on
``sys.meta_path``. On ``import xtcocotools.coco`` the finder returns a new module that has the public names of our own.

Remove when no stand-in is left.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


@dataclass(frozen=True)
class Provided:
    """What one stand-in provides, in words that ``kpplugins doctor`` prints.

    Attributes:
        name: short name of the gap, e.g. ``'mmcv_ops'``.
        stands_in_for: the import name that it replaces, e.g. ``'mmcv._ext'``.
        active: True if the stand-in is used; False if the real package is there, or nothing can be done.
        detail: why, and what is provided.
    """

    name: str
    stands_in_for: str
    active: bool
    detail: str


class StandInLoader(Loader):
    """Fills a new module with the public names (``__all__`` and ``__getattr__``) of the module ``target``."""

    def __init__(self, target: str) -> None:
        self.target = target

    def exec_module(self, module: ModuleType) -> None:
        """Import the target, at first use, and copy its public names into ``module``."""
        target = importlib.import_module(self.target)
        module.__doc__ = f"Stand-in, served by {self.target}.\n\n{target.__doc__}"
        for name in target.__all__:
            setattr(module, name, getattr(target, name))
        if hasattr(target, "__getattr__"):
            module.__getattr__ = target.__getattr__  # type: ignore[method-assign]


class StandInFinder(MetaPathFinder):
    """Finds modules for the names in ``targets`` (missing import name -> our module)."""

    def __init__(self) -> None:
        self.targets: dict[str, str] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for a name that has a stand-in, else None (other finders continue)."""
        if fullname not in self.targets:
            return None
        is_package = any(name.startswith(f"{fullname}.") for name in self.targets)
        return ModuleSpec(fullname, StandInLoader(self.targets[fullname]), is_package=is_package)


def _finder() -> StandInFinder:
    """Return the finder of this process, which the first call creates."""
    for finder in sys.meta_path:
        if isinstance(finder, StandInFinder):
            return finder
    finder = StandInFinder()
    sys.meta_path.insert(0, finder)
    return finder


def activate(targets: Mapping[str, str]) -> None:
    """Redirect imports of missing names from now on. Idempotent.

    Args:
        targets: missing import name -> our module.
    """
    _finder().targets.update(targets)


def is_active(name: str) -> bool:
    """Tell whether a stand-in is active for an import name.

    Args:
        name: e.g. ``'mmcv._ext'``.

    Returns:
        True once ``activate`` was called with the name.
    """
    return name in _finder().targets


def find_real(name: str) -> ModuleSpec | None:
    """Find a real module without importing it or its parents; stand-ins do not count.

    A module that another package has put into ``sys.modules`` counts as real.

    Args:
        name: full import name.

    Returns:
        Its spec, or None if there is no such module.
    """
    loaded = sys.modules.get(name)
    if loaded is not None:
        spec = getattr(loaded, "__spec__", None)
        if spec is None:
            return ModuleSpec(name, None, origin="placed in sys.modules by the caller")
        return None if isinstance(spec.loader, StandInLoader) else spec
    path: Sequence[str] | None = None
    if "." in name:
        parent = find_real(name.rpartition(".")[0])
        if parent is None or parent.submodule_search_locations is None:
            return None
        path = list(parent.submodule_search_locations)
    for finder in sys.meta_path:
        if isinstance(finder, StandInFinder) or not hasattr(finder, "find_spec"):
            continue
        spec = finder.find_spec(name, path, None)
        if spec is not None:
            return spec
    return None
