"""What a machine offers to a training, in numbers."""

from collections.abc import Callable
from dataclasses import dataclass

import psutil
import torch
from mmengine.device import get_device
from torch import nn

from kpplugins.config.rules.training.num_workers import available_cores
from kpplugins.engine.clocks import CLOCKS
from kpplugins.structures import BadInputError

CHANNELS, SIDE, IMAGES = 64, 32, 16
"""Of the convolution that is timed; the same as most of the small hourglass's."""


@dataclass(frozen=True)
class MachineFacts:
    """A machine, and the time that is asked of it.

    Attributes:
        cores: processor cores that this process may use.
        device: ``cpu``, ``cuda``, …: where MMEngine trains.
        device_name: of the GPU; empty for the CPU.
        memory: of the GPU, or of the machine without one, in GB.
        rate: multiply-adds of a convolution forward in a second of the clock, while it is trained.
        minutes: of training that are asked for.
        clock: ``wall``, or ``cpu`` for minutes of one processor core.
    """

    cores: int
    device: str
    device_name: str
    memory: float
    rate: float
    minutes: float
    clock: str

    @property
    def has_gpu(self) -> bool:
        """Return whether training runs on a GPU."""
        return self.device != "cpu"

    def __str__(self) -> str:
        gpu = f"{self.device_name or self.device} with" if self.has_gpu else "no GPU,"
        cores = f"{self.cores} core{'s' if self.cores > 1 else ''}"
        unit = "CPU-minutes" if self.clock == "cpu" else "minutes"
        return f"{cores}, {gpu} {self.memory:.0f} GB of memory; {self.minutes:g} {unit}"


def machine_facts(minutes: float, clock: str = "wall") -> MachineFacts:
    """Look at this machine; a convolution is timed for less than a second.

    Args:
        minutes: of training that are asked for.
        clock: ``wall`` or ``cpu``.

    Returns:
        The facts.

    Raises:
        BadInputError: the minutes are not a positive number, or there is no such clock.
    """
    if isinstance(minutes, bool) or not minutes > 0:
        raise BadInputError("wrong minutes", where="--minutes", expected="> 0", found=repr(minutes))
    if clock not in CLOCKS:
        raise BadInputError("unknown clock", where="clock", expected=" or ".join(CLOCKS), found=repr(clock))
    device = get_device()
    cuda = device == "cuda"
    memory = torch.cuda.get_device_properties(0).total_memory if cuda else psutil.virtual_memory().total
    return MachineFacts(
        cores=available_cores(),
        device=device,
        device_name=torch.cuda.get_device_name() if cuda else "",
        memory=memory / 2**30,
        rate=training_rate(device, CLOCKS[clock]),
        minutes=minutes,
        clock=clock,
    )


def training_rate(device: str, now: Callable[[], float], seconds: float = 0.3) -> float:
    """Time a 3×3 convolution of 64 channels, batch normalisation and ReLU, forward and backward.

    Args:
        device: where.
        now: the clock, which returns seconds.
        seconds: how long.

    Returns:
        Multiply-adds of the convolution's forward passes in a second.
    """
    block = nn.Sequential(
        nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False), nn.BatchNorm2d(CHANNELS), nn.ReLU()
    ).to(device)
    block.to(memory_format=torch.channels_last)
    batch = torch.rand(IMAGES, CHANNELS, SIDE, SIDE, device=device).to(memory_format=torch.channels_last)
    passes, begun = -1, now()
    while passes < 1 or now() - begun < seconds:
        block(batch).sum().backward()
        if device != "cpu":
            torch.cuda.synchronize() if device == "cuda" else None
        passes += 1
        if passes == 0:  # the first one is slower
            begun = now()
    return passes * IMAGES * SIDE**2 * CHANNELS**2 * 9 / max(now() - begun, 1e-9)
