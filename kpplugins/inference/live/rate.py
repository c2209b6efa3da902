"""Frames per second and latency, as they are now."""

from collections import deque


class Rate:
    """Measures frames per second, and seconds from capture to drawn, over the last frames.

    Args:
        window: seconds that count.

    Attributes:
        frames: how many there were in all.
    """

    def __init__(self, window: float = 2.0) -> None:
        self.window, self.frames = window, 0
        self._recent: deque[tuple[float, float]] = deque(maxlen=1000)
        self._latencies: deque[float] = deque(maxlen=100_000)

    def add(self, captured: float, drawn: float) -> None:
        """Count a frame.

        Args:
            captured: when it was captured, in seconds by one clock.
            drawn: when it was drawn, by the same clock.
        """
        self.frames += 1
        self._recent.append((drawn, drawn - captured))
        self._latencies.append(drawn - captured)
        while len(self._recent) > 2 and drawn - self._recent[0][0] > self.window:
            self._recent.popleft()

    @property
    def per_second(self) -> float:
        """Return frames per second; 0 before the second frame."""
        if len(self._recent) < 2:
            return 0.0
        took = self._recent[-1][0] - self._recent[0][0]
        return (len(self._recent) - 1) / took if took > 0 else 0.0

    @property
    def latency(self) -> float:
        """Return the median latency in seconds; 0 before the first frame."""
        found = sorted(latency for _, latency in self._recent)
        return found[len(found) // 2] if found else 0.0

    def quantile(self, share: float) -> float:
        """Return the latency in seconds that a share of all frames keep; of the last 100,000 of them.

        Args:
            share: from 0 to 1.

        Returns:
            Seconds; 0 before the first frame.
        """
        found = sorted(self._latencies)
        return found[min(len(found) - 1, int(share * len(found)))] if found else 0.0
