"""How far a run is, and how long it will take."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from tqdm import tqdm

logger = logging.getLogger(__name__)
_EVERY = 60.0
"""Seconds between two lines of a log."""


class Progress:
    """A bar on a terminal, else a line a minute; the images are counted meanwhile, in a thread.

    Args:
        names: what will be gone through, for counting; ``None`` where that costs too much.
        counts: tells whether a name counts.
    """

    def __init__(self, names: Iterable[str] | None, counts: Callable[[str], bool]) -> None:
        self._names, self._counts = names, counts
        self._stopped, self._start = False, time.monotonic()
        self._told, self._passed, self._done = self._start, 0, 0
        self.total: int | None = None
        self._bar: Any = None

    def __enter__(self) -> "Progress":
        self._bar = tqdm(desc="predict", unit=" images", disable=None)
        if self._names is not None:
            threading.Thread(target=self._count, args=(self._names,), daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stopped = True
        self._bar.close()

    def passed(self, number: int) -> None:
        """Note images that need no prediction; they say nothing about the speed."""
        self._passed += number
        if not self._bar.disable:
            self._bar.initial += number
        self._show(number)

    def done(self, number: int) -> None:
        """Note images that were predicted on."""
        self._done += number
        self._show(number)

    def _show(self, number: int) -> None:
        self._bar.total = self.total
        self._bar.update(number)
        now = time.monotonic()
        if self._bar.disable and self._done and now - self._told > _EVERY:
            self._told = now
            logger.info("%s", self.words(now - self._start))

    def words(self, seconds: float) -> str:
        """Say how far it is.

        Args:
            seconds: that it took.

        Returns:
            One line.
        """
        rate, at = self._done / max(seconds, 1e-9), self._passed + self._done
        text = f"{at} of {self.total or 'unknown'} images, {rate:.1f} a second"
        if not self.total or not rate:
            return text
        left = max(0, self.total - at) / rate
        return f"{text}, {left // 3600:.0f} h {left % 3600 // 60:02.0f} min left"

    def _count(self, names: Iterable[str]) -> None:
        total = 0
        try:
            for name in names:
                if self._stopped:
                    return
                total += self._counts(name)
        except OSError:  # said when the images are read
            return
        self.total = total
