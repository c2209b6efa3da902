"""``num_workers``: how many processes load data beside each loader's own."""

import os
from pathlib import Path

import torch
from mmengine.device import get_device

from kpplugins.config.parts import LOADERS
from kpplugins.config.rules.rule import Rule
from kpplugins.config.source import CONFIGS
from kpplugins.config.values import dotted, value_at
from kpplugins.structures import BadInputError

AUTO = "auto"
USUAL = 2
"""What our base configs state."""
_FEW = 2
"""Number of cores up to which workers only take them from the network, whose threads use all of them."""


class NumWorkers(Rule):
    """The number of worker processes of every loader.

    ``"auto"`` is none on a CPU with one or two cores that the network's threads use: a worker on one of them makes the
    other wait, and what it loads has to be handed over. Else it is what our base configs state.
    """

    name = "num_workers"
    goes_to = (
        '`num_workers` and `persistent_workers` of all loaders; `"auto"`: 0 where the network\'s threads use all of '
        "one or two cores and there is no GPU, else 2"
    )
    opt_in = False

    def check(self) -> None:
        """Raise if the value is neither ``"auto"`` nor a whole number ≥ 0."""
        number = isinstance(self.value, int) and not isinstance(self.value, bool) and self.value >= 0
        if not number and self.value != AUTO:
            raise BadInputError(
                "not a number of workers",
                where="num_workers",
                expected='≥ 0, or "auto"',
                found=repr(self.value),
            )

    def apply(self) -> None:
        """Set it in the loaders that have what our base configs state."""
        wanted = usual_workers() if self.value == AUTO else self.value
        for loader in LOADERS:
            path = (loader, "num_workers")
            if value_at(self.cfg, (loader,)) and self._is_ours(path):
                self.put(path, wanted)
                self.put((loader, "persistent_workers"), wanted > 0)

    def _is_ours(self, path: tuple[str | int, ...]) -> bool:
        """Tell whether a number of workers is our base configs', or has been set here before."""
        value, origin = value_at(self.cfg, path), self.layer.origin(*path)
        if dotted(path) in self.options or value not in (0, USUAL):
            return False
        shipped = origin.is_installed or Path(origin.name).resolve().is_relative_to(CONFIGS.resolve())
        return origin is self.stated_by or (shipped and value == USUAL)


def usual_workers() -> int:
    """Say how many workers suit this machine.

    Returns:
        0 on a CPU of at most two cores that PyTorch's threads use, else 2.
    """
    cores = available_cores()
    busy = get_device() == "cpu" and torch.get_num_threads() >= cores
    return 0 if busy and cores <= _FEW else USUAL


def available_cores() -> int:
    """Count the processor cores that this process may run on.

    Returns:
        Their number, at least 1.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
