"""Stages of work in threads of their own, with bounded queues between them."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

_POLL = 0.05
"""Seconds after which a thread that waits looks whether it should end."""


class _End:
    """Comes behind the last item; holds the error that ended a stage, if one did."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Pipeline:
    """Runs a source and stages side by side, each in its own thread, and yields what the last stage returns.

    Items keep their order. A stage that is slow holds up the ones before it, so that no more than ``depth`` items wait
    anywhere. An error in any thread ends all of them, and is raised where the items are taken. Use it in a ``with``
    block, which ends the threads however it is left.

    Args:
        source: gives the items; its work is done in the first thread.
        stages: functions of one item, which return something, applied in this order, each in one more thread.
        depth: how many items may wait before each stage, and at the end.

    Attributes:
        finished: whether there are no more items.
    """

    def __init__(
        self, source: Iterable[Any], stages: Iterable[Callable[[Any], Any]] = (), depth: int = 2
    ) -> None:
        self._stop, self.finished = threading.Event(), False
        works: list[Callable[[queue.Queue, queue.Queue], None]] = [
            lambda _, out: self._pull(source, out),
            *(self._stage(function) for function in stages),
        ]
        queues: list[queue.Queue] = [queue.Queue(depth) for _ in range(len(works) + 1)]
        self._out = queues[-1]
        self._threads = [
            threading.Thread(target=self._guarded, args=(work, queues[i], queues[i + 1]), daemon=True,
                             name=f"pipeline {i}")
            for i, work in enumerate(works)
        ]  # fmt: skip
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        """Yield what the last stage returned for each item, in order.

        Yields:
            The items.

        Raises:
            BaseException: what ended the source or a stage, behind the items before it.
        """
        while not self.finished:
            item = self.take()
            if item is not None:
                yield item

    def take(self, timeout: float = _POLL) -> Any:
        """Return the next item.

        Args:
            timeout: seconds to wait for it.

        Returns:
            An item; ``None`` where none came in time, or none comes any more (``finished``).

        Raises:
            BaseException: what ended the source or a stage, behind the items before it.
        """
        try:
            item = self._out.get(timeout=timeout)
        except queue.Empty:
            self.finished = self._stop.is_set()
            return None
        if not isinstance(item, _End):
            return item
        self.finished = True
        if item.error is not None:
            raise item.error
        return None

    @property
    def alive(self) -> list[str]:
        """Return the names of the threads that still run."""
        return [thread.name for thread in self._threads if thread.is_alive()]

    def close(self, timeout: float = 10.0) -> None:
        """End all threads and wait for them.

        Args:
            timeout: seconds to wait for each; one that hangs longer in what it calls is left to end with the process.
        """
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout)

    def _guarded(self, work: Callable, before: queue.Queue, after: queue.Queue) -> None:
        try:
            work(before, after)
            end = _End()
        except BaseException as error:  # a KeyboardInterrupt in a stage too
            end = _End(error)
        self._put(after, end)

    def _pull(self, source: Iterable[Any], out: queue.Queue) -> None:
        items = iter(source)
        try:
            for item in items:
                if not self._put(out, item):
                    return
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()

    def _stage(self, function: Callable[[Any], Any]) -> Callable[[queue.Queue, queue.Queue], None]:
        def work(before: queue.Queue, after: queue.Queue) -> None:
            while not self._stop.is_set():
                try:
                    item = before.get(timeout=_POLL)
                except queue.Empty:
                    continue
                if isinstance(item, _End):
                    if item.error is not None:
                        raise item.error
                    return
                if not self._put(after, function(item)):
                    return

        return work

    def _put(self, out: queue.Queue, item: Any) -> bool:
        """Hand an item on when there is room; tell whether it was."""
        while not self._stop.is_set():
            try:
                out.put(item, timeout=_POLL)
            except queue.Full:
                continue
            return True
        return False
