"""Stages in threads: order, back pressure, errors, and that nothing is left behind."""

import threading
import time
from collections.abc import Iterator

import pytest

from kpplugins.inference.live.pipeline import Pipeline


def left() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("pipeline")]


def test_items_keep_their_order_and_stages_run_side_by_side():
    threads: list[set[str]] = [set(), set(), set()]

    def source() -> Iterator[int]:
        for i in range(50):
            threads[0].add(threading.current_thread().name)
            yield i

    def stage(number: int):
        def work(item: int) -> int:
            threads[number].add(threading.current_thread().name)
            return item + 1

        return work

    with Pipeline(source(), [stage(1), stage(2)]) as pipeline:
        assert list(pipeline) == [i + 2 for i in range(50)] and pipeline.finished
        assert list(pipeline) == []
    assert [len(names) for names in threads] == [1, 1, 1] and len(set.union(*threads)) == 3
    assert left() == []


def test_who_is_slow_holds_up_the_others():
    made = []

    def source() -> Iterator[int]:
        for i in range(1000):
            made.append(i)
            yield i

    with Pipeline(source(), [lambda item: item], depth=2) as pipeline:
        items = iter(pipeline)
        for i in range(5):
            assert next(items) == i
        time.sleep(0.3)
        assert len(made) <= 5 + 2 * 3 + 2  # two queues and the end, and one in each hand
    assert left() == [] and len(made) < 20


@pytest.mark.parametrize("where", ["source", "stage", "taker"])
def test_an_error_anywhere_ends_everything(where: str):
    closed = []

    def source() -> Iterator[int]:
        try:
            for i in range(10**9):
                if where == "source" and i == 3:
                    raise ValueError("in the source")
                yield i
        finally:
            closed.append(True)

    def stage(item: int) -> int:
        if where == "stage" and item == 3:
            raise ValueError("in a stage")
        return item

    got: list[int] = []
    with pytest.raises(ValueError, match="in "), Pipeline(source(), [stage, lambda item: item]) as pipeline:
        for item in pipeline:
            got.append(item)
            if where == "taker" and item == 2:
                raise ValueError("in the taker")
    assert got == [0, 1, 2] and closed == [True] and left() == []


def test_waiting_for_an_item_ends():
    release = threading.Event()

    def source() -> Iterator[int]:
        release.wait(5)
        yield 1

    with Pipeline(source()) as pipeline:
        assert pipeline.take(0.02) is None and not pipeline.finished and pipeline.alive == ["pipeline 0"]
        release.set()
        assert pipeline.take(5) == 1 and pipeline.take(5) is None and pipeline.finished
    assert pipeline.alive == []
