import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy

import numpy as np
import pytest

from kpplugins.datasets.shared_images import SharedImages

FORKED = "fork" in multiprocessing.get_all_start_methods()


def image_of(value: int, height: int = 5, width: int = 7) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_what_was_put_is_found_and_cannot_be_changed():
    room = SharedImages(10_000)
    for i in range(20):
        kept = room.put(f"image {i}", image_of(i, 4 + i % 3), (40, 50 + i))
        assert kept is not None and not kept.flags.writeable
    for i in range(20):
        found, whole = room.get(f"image {i}")
        assert np.array_equal(found, image_of(i, 4 + i % 3)) and whole == (40, 50 + i)
        assert not found.flags.writeable
    assert room.get("another") is None


def test_there_is_an_end_to_it():
    room = SharedImages(250)  # an image has 105 bytes
    assert [room.put(name, image_of(1), (5, 7)) is not None for name in "abc"] == [True, True, False]
    assert room.get("c") is None and room.get("b") is not None
    assert room.put("a", image_of(2), (5, 7)) is None and room.get("a")[0].max() == 1
    assert SharedImages(0).put("a", image_of(1), (5, 7)) is None


def test_nobody_waits_for_one_who_is_gone():
    room = SharedImages(1000)
    room._lock.acquire()  # by a process that was killed
    assert room.put("a", image_of(1), (5, 7)) is None and room.get("a") is None


def test_a_copy_is_empty():
    room = SharedImages(1000)
    room.put("a", image_of(1), (5, 7))
    copied = deepcopy(room)
    assert copied.get("a") is None and copied.capacity == 1000
    assert copied.put("a", image_of(2), (5, 7)) is not None and room.get("a")[0].max() == 1


@pytest.mark.skipif(not FORKED, reason="processes are not forked here")
def test_forks_keep_each_image_once():
    room = SharedImages(200 * 105)
    with ProcessPoolExecutor(4, multiprocessing.get_context("fork"), _give, (room,)) as forks:
        put = list(forks.map(_put, [i % 100 for i in range(400)], chunksize=7))
    assert sum(put) <= 100  # each once, some not at all
    assert sum(put) >= 50
    found = [room.get(str(i)) for i in range(100)]
    assert sum(image is not None for image in found) == sum(put)
    assert all(image is None or (image[0] == i).all() for i, image in enumerate(found))


_ROOM: list[SharedImages] = []


def _give(room: SharedImages) -> None:
    _ROOM.append(room)


def _put(i: int) -> bool:
    return _ROOM[0].put(str(i), image_of(i), (5, 7)) is not None
