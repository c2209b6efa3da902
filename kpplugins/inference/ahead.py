"""Work that threads do ahead of the one who waits for it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Given = TypeVar("Given")
Done = TypeVar("Done")


def ahead(work: Callable[[Given], Done], items: Iterable[Given], threads: int, depth: int) -> Iterator[Done]:
    """Apply a function to items in threads, and yield what it returns in the order of the items.

    The items themselves are drawn in the thread that asks for results.

    Args:
        work: must be thread-safe; what it raises is raised at its turn.
        items: any iterable, also an endless one.
        threads: how many.
        depth: results that may wait, besides the one that is asked for.

    Yields:
        One result an item.
    """
    source = iter(items)
    with ThreadPoolExecutor(threads, thread_name_prefix="ahead") as pool:
        waiting = deque(pool.submit(work, item) for item in islice(source, depth))
        try:
            while waiting:
                first = waiting.popleft()
                waiting.extend(pool.submit(work, item) for item in islice(source, 1))
                yield first.result()
        finally:
            for future in waiting:
                future.cancel()
