"""Work that threads do ahead of the one who waits for it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Done = TypeVar("Done")


def ahead(
    work: Callable[[Given], Done],
    items: Iterable[Given],
    threads: int,
    depth: int,
    weight: Callable[[Done], float] = lambda _: 0,
    limit: float = 0,
) -> Iterator[Done]:
    """Apply a function to items in threads, and yield what it returns in the order of the items.

    The items themselves are drawn in the thread that asks for results.

    Args:
        work: must be thread-safe; what it raises is raised at its turn.
        items: any iterable, also an endless one.
        threads: how many.
        depth: results that may wait, besides the one that is asked for.
        weight: of a result.
        limit: while the results that wait weigh more than this together, no further work is begun; those that are
            not there yet count as much as the heaviest so far.

    Yields:
        One result an item.
    """
    source, end = iter(items), object()
    waiting: deque[Future[Done]] = deque()
    heaviest: float | None = None

    def full() -> bool:
        if len(waiting) < threads:
            return False
        return len(waiting) >= depth or heaviest is None or len(waiting) * heaviest > limit

    with ThreadPoolExecutor(threads, thread_name_prefix="ahead") as pool:
        try:
            while True:
                while not full():
                    item = next(source, end)
                    if item is end:
                        break
                    waiting.append(pool.submit(work, item))  # type: ignore[arg-type]
                if not waiting:
                    return
                result = waiting.popleft().result()
                heaviest = max(heaviest or 0, weight(result))
                yield result
        finally:
            for future in waiting:
                future.cancel()
