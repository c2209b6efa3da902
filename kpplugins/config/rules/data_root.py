"""``data_root``: the folder of the data."""

from pathlib import Path
from typing import Any

from kpplugins.config.parts import dataset_paths, evaluators_of
from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import value_at
from kpplugins.structures.addresses import spelled

_FILES = ("ann_file", "bbox_file")


class DataRoot(Rule):
    """The folder of every dataset; files below the old folder move along."""

    name = "data_root"
    goes_to = "`data_root` of every dataset; `ann_file` and `bbox_file` below the old one move along"
    needs = "a dataset that has the data_root of its base"
    over_use = opt_in = False

    def apply(self) -> None:
        """Set it in the datasets, and in the paths below the old folder that they and the evaluators name."""
        datasets = [path for path, _ in dataset_paths(self.cfg)]
        before = {path: value_at(self.cfg, (*path, "data_root")) for path in datasets}
        self.spread((*path, "data_root") for path in datasets)
        roots = set()
        for path, old in before.items():
            if old and str(value_at(self.cfg, (*path, "data_root"))) != str(old):
                roots.add(str(old))
                self._move(path, str(old))
        for path, _ in evaluators_of(self.cfg):
            for old in roots:
                self._move(path, old)

    def _move(self, holder: tuple[str | int, ...], old: str) -> None:
        for key in _FILES:
            named: Any = value_at(self.cfg, (*holder, key))
            if named and Path(named).is_relative_to(old):
                self.put((*holder, key), spelled(Path(self.value) / Path(named).relative_to(old)))
