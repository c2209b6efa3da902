"""A set of names that is small in memory."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

_BYTES = 16
"""Of each name's digest: among 10⁹ names, two with one digest are less likely than 10⁻²⁰."""


class NameSet:
    """Keeps the digests of names in sorted arrays: 16 bytes a name, where Python's ``set`` takes more than 100.

    Names come in batches. A batch is an array of its own, and arrays of similar length are merged, so that there are
    only as many as the number of names has binary digits.
    """

    def __init__(self) -> None:
        self._levels: list[np.ndarray] = []

    def __len__(self) -> int:
        return sum(map(len, self._levels))

    def has(self, names: Sequence[str]) -> np.ndarray:
        """Tell which names are in the set.

        Args:
            names: N names.

        Returns:
            (N,) bool.
        """
        return self._has(_digests(names))

    def add(self, names: Sequence[str]) -> np.ndarray:
        """Put names into the set.

        Args:
            names: N names, some of which may be in it already, or may be equal.

        Returns:
            (N,) bool: which of them are new; of equal ones, the first.
        """
        digests = _digests(names)
        new = np.zeros(len(digests), bool)
        _, first = np.unique(digests, return_index=True)
        new[first] = True
        new &= ~self._has(digests)
        level = np.sort(digests[new])
        if not len(level):
            return new
        while self._levels and len(self._levels[-1]) < 2 * len(level):
            level = np.sort(np.concatenate([self._levels.pop(), level]), kind="stable")
        self._levels.append(level)
        return new

    def _has(self, digests: np.ndarray) -> np.ndarray:
        found = np.zeros(len(digests), bool)
        for level in self._levels:
            places = np.minimum(np.searchsorted(level, digests), len(level) - 1)
            found |= level[places] == digests
        return found


def _digests(names: Sequence[str]) -> np.ndarray:
    """Return (N,) digests. NumPy strips zeros from their ends, which makes no two of them equal."""
    raw = b"".join(
        blake2b(name.encode("utf-8", "surrogateescape"), digest_size=_BYTES).digest() for name in names
    )
    return np.frombuffer(raw, f"S{_BYTES}")
