"""Images in memory that a process and its forks share."""

import hashlib
import mmap
import multiprocessing
from typing import Any

import numpy as np

_ENTRY = np.dtype(
    [("key", "V16"), ("start", "<u8"), ("shape", "<u4", 2), ("whole", "<u4", 2), ("ready", "u1")]
)
_SLOTS = 1 << 16
"""Entries of the table, a power of 2; at most half of them are used."""
_CHANNELS = 3
_KEY = 16
"""Bytes of the key of a name."""


class SharedImages:
    """Decoded images, each kept once for all processes that are forked from the one that made this.

    The memory is reserved when this is made, and taken when an image is put there. Nobody waits for anybody: where two
    processes put an image at once, one of them leaves it out, and a process that dies while it does so only ends the
    keeping of further ones. A copy, or what a process that is not forked gets, is empty.

    Args:
        capacity: bytes of images.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._lock: Any = multiprocessing.get_context().Lock()
        try:
            store, table = mmap.mmap(-1, max(capacity, 1)), mmap.mmap(-1, _SLOTS * _ENTRY.itemsize)
            self._used = np.frombuffer(mmap.mmap(-1, 16), np.int64)  # bytes, and images
        except (OSError, ValueError):  # the system gives no such memory
            self.capacity, store, table = 0, mmap.mmap(-1, 1), mmap.mmap(-1, _SLOTS * _ENTRY.itemsize)
            self._used = np.zeros(2, np.int64)
        self._store, self._table = np.frombuffer(store, np.uint8), np.frombuffer(table, _ENTRY)

    def __reduce__(self) -> tuple:
        return SharedImages, (self.capacity,)

    def get(self, name: str) -> tuple[np.ndarray, tuple[int, int]] | None:
        """Return an image, (H, W, 3), not to be written to, and the size (h, w) it was put with; ``None`` if absent."""
        key = _key(name)
        entry = self._table[self._slot(key)]
        if not entry["ready"] or entry["key"].tobytes() != key:
            return None
        return self._view(int(entry["start"]), entry["shape"].tolist()), tuple(entry["whole"].tolist())

    def put(self, name: str, image: np.ndarray, whole: tuple[int, int]) -> np.ndarray | None:
        """Keep an image.

        Args:
            name: of the image.
            image: (H, W, 3) uint8.
            whole: (h, w) to be returned with it.

        Returns:
            The kept one; ``None`` if there is no room, or somebody else is at it.
        """
        size = image.nbytes
        if size > self.capacity - self._used[0] or not self._lock.acquire(block=False):
            return None
        try:
            start, number = self._used.tolist()
            key = _key(name)
            entry = self._table[self._slot(key) :][:1]
            if size > self.capacity - start or number >= _SLOTS // 2 or entry["key"].tobytes() != bytes(_KEY):
                return None
            self._used[:] = start + size, number + 1
            entry["key"] = np.frombuffer(key, "V16")
        finally:
            self._lock.release()
        kept = self._view(start, image.shape[:2], writable=True)
        kept[:] = image
        entry["start"], entry["shape"], entry["whole"] = start, image.shape[:2], whole
        entry["ready"] = 1
        return self._view(start, image.shape[:2])

    def _slot(self, key: bytes) -> int:
        """Return the place of a key in the table, or the first free one where it would be."""
        slot, empty = int.from_bytes(key[:8], "little"), bytes(_KEY)
        while True:
            slot %= _SLOTS
            found = self._table["key"][slot].tobytes()
            if found in (key, empty):
                return slot
            slot += 1

    def _view(self, start: int, shape: Any, writable: bool = False) -> np.ndarray:
        height, width = shape
        view = self._store[start : start + height * width * _CHANNELS].reshape(height, width, _CHANNELS)
        view.flags.writeable = writable
        return view


def _key(name: str) -> bytes:
    return hashlib.blake2b(name.encode(errors="surrogateescape"), digest_size=_KEY).digest()
