"""Signals that end a training: they are kept until it stands at a place from which it can go on."""

import os
import signal
import threading
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size

_ENDING = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2")
"""What a user, a terminal that closes, a system that shuts down and Slurm (``--signal``) send."""


class StopSignals:
    """While the block runs, a signal to stop is only remembered; the second Ctrl-C interrupts at once.

    Signals that the process ignores, as after ``nohup``, stay ignored. Only the main thread can receive signals; in
    another one nothing changes.

    Attributes:
        received: the number of the first signal, 0 while there is none.
    """

    def __init__(self) -> None:
        self.received = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            for name in _ENDING:
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._remember)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _remember(self, number: int, _: Any) -> None:
        if self.received and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = self.received or number

    def agreed(self) -> int:
        """Return the signal that any process of a distributed training has received, else 0."""
        if get_world_size() == 1:
            return self.received
        numbers = torch.tensor([self.received])
        all_reduce(numbers, "max")
        return int(numbers)


def end_by(received: int) -> None:
    """End the process as a signal asks.

    Args:
        received: its number; 0 for none.

    Raises:
        KeyboardInterrupt: it is Ctrl-C.
        SystemExit: it is another one; the status is 128 and its number.
    """
    if received == signal.SIGINT:
        raise KeyboardInterrupt
    if received:
        raise SystemExit(128 + received)


def shield_worker(worker: int, inner: Any = None) -> None:
    """Let a data worker live until the training ends it: signals to a whole job or terminal are for the training.

    Args:
        worker: its number.
        inner: the loader's own function for new workers.
    """
    if hasattr(signal, "sigwaitinfo"):
        for name in set(_ENDING) - {"SIGTERM"}:
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_with_parent, daemon=True).start()
    if inner is not None:
        inner(worker)


def _end_with_parent() -> None:
    """Wait for a SIGTERM of the training itself."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
