"""The time of an iteration, and the time left, whatever the system's clock does."""

import time
from typing import Any

from mmengine.hooks import IterTimerHook
from mmpose.registry import HOOKS


@HOOKS.register_module()
class SteadyTimerHook(IterTimerHook):
    """Measures as MMEngine's hook does, but by a clock that nobody sets."""

    @property
    def t(self) -> Any:
        """The start, which MMEngine's hook subtracts from the time of day."""
        return _Start(self._start)

    @t.setter
    def t(self, _: float) -> None:
        self._start = time.monotonic()


class _Start:
    """A moment; any time less it is the time since then."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def __rsub__(self, _: float) -> float:
        return time.monotonic() - self._moment
