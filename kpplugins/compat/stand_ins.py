"""How a stand-in takes the place of a missing package: an import hook and a record of what was done.

Nothing is imported until somebody asks for the missing name: :func:`activate` only puts names into a
:class:`StandInFinder` on ``sys.meta_path``. When ``import xtcocotools.coco`` is executed, the finder answers
with a fresh module that carries the public names of our own module.

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
    """What one stand-in gives, in words that a doctor tool can print.

    Attributes:
        name: short name of the gap, e.g. ``'mmcv_ops'``.
        stands_in_for: the import name it answers for, e.g. ``'mmcv._ext'``.
        active: True where the stand-in answers; False where the real thing is there, or nothing can be done.
        detail: why, and what is served.
    """

    name: str
    stands_in_for: str
    active: bool
    detail: str


class StandInLoader(Loader):
    """Fills a fresh module with the public names (``__all__`` and ``__getattr__``) of the module
    ``target``."""

    def __init__(self, target: str) -> None:
        self.target = target

    def exec_module(self, module: ModuleType) -> None:
        """Import the target now, at first use, and copy its public names into ``module``."""
        target = importlib.import_module(self.target)
        module.__doc__ = f"Stand-in, served by {self.target}.\n\n{target.__doc__}"
        for name in target.__all__:
            setattr(module, name, getattr(target, name))
        if hasattr(target, "__getattr__"):
            module.__getattr__ = target.__getattr__  # type: ignore[method-assign]


class StandInFinder(MetaPathFinder):
    """Answers imports of the names in ``targets`` (missing import name -> our module)."""

    def __init__(self) -> None:
        self.targets: dict[str, str] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for a name that we stand in for, else None (the other finders go on)."""
        if fullname not in self.targets:
            return None
        is_package = any(name.startswith(f"{fullname}.") for name in self.targets)
        return ModuleSpec(fullname, StandInLoader(self.targets[fullname]), is_package=is_package)


def _finder() -> StandInFinder:
    """Return the one finder of this process, made at the first call."""
    for finder in sys.meta_path:
        if isinstance(finder, StandInFinder):
            return finder
    finder = StandInFinder()
    sys.meta_path.insert(0, finder)
    return finder


def activate(targets: Mapping[str, str]) -> None:
    """Answer imports of missing names from now on. Idempotent.

    Args:
        targets: missing import name -> our module.
    """
    _finder().targets.update(targets)


def is_active(name: str) -> bool:
    """Return whether a stand-in answers for an import name.

    Args:
        name: e.g. ``'mmcv._ext'``.

    Returns:
        True once ``activate`` was called with the name.
    """
    return name in _finder().targets


def find_real(name: str) -> ModuleSpec | None:
    """Find a real module without importing it or its parents; stand-ins do not count.

    A module that somebody else has put into ``sys.modules`` counts as real.

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
