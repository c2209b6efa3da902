"""What torchrun does, with workers that are forks of this process: they need not import anything again.

``python tests/elastic.py ARGUMENT …`` trains with the arguments of ``kpplugins train``. ``ELASTIC`` in the environment
is a JSON object: options of torchrun's ``LaunchConfig``, ``namespace``, the network that this host is in, and ``cwd``.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmpose.registry import HOOKS
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

_NEW_NETWORK = 0x40000000
"""CLONE_NEWNET of Linux."""


@HOOKS.register_module()
class DyingHook(Hook):
    """Ends the process of a rank without a word, in its first life."""

    def __init__(self, epoch: int, rank: int = 1) -> None:
        self.epoch, self.rank = epoch, rank

    def before_train_epoch(self, runner: Any) -> None:
        """Die, if it is time."""
        first = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0"
        if first and runner.rank == self.rank and runner.epoch == self.epoch:
            os.kill(os.getpid(), signal.SIGKILL)


def work(arguments: list[str]) -> None:
    """Train, as one of the workers."""
    from kpplugins.commands.train import main

    if status := main(arguments):
        sys.exit(status)


def launch(settings: dict[str, Any], arguments: list[str]) -> None:
    """Enter the network, then do as torchrun does."""
    if name := settings.pop("namespace", None):
        network = os.open(Path("/run/netns") / name, os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(network, _NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "setns")
    os.chdir(settings.pop("cwd", "."))
    elastic_launch(LaunchConfig(start_method="fork", **settings), work)(arguments)


if __name__ == "__main__":
    launch(json.loads(os.environ["ELASTIC"]), sys.argv[1:])
