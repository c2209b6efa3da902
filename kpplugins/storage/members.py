"""Which files an archive has, and where in it, in a few arrays that processes share."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from kpplugins.storage.member import Member
from kpplugins.structures import BadInputError

_ANNOTATIONS = "annotations"
_IGNORED = ("__MACOSX",)
"""Folders that a system adds to archives for itself."""
_TYPES = {
    "part": np.int32,
    "start": np.int64,
    "packed": np.int64,
    "size": np.int64,
    "crc": np.int64,
    "method": np.uint8,
}


class Members:
    """The members of an archive by name, in the order of their names' bytes.

    Args:
        arrays: ``names`` uint8, one after the other; ``ends`` int64, where each ends; one for each other field of
            ``Member``; and ``root``, see there.

    Attributes:
        root: the folder in the archive, with /, that names are relative to; empty for all of it.

    Raises:
        ValueError: they do not go together.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        ends, names = arrays["ends"], arrays["names"]
        steps = np.diff(ends, prepend=0)
        if (steps < 1).any() or (len(ends) and ends[-1] != len(names)) or names.dtype != np.uint8:
            raise ValueError("names that do not end")
        if any(
            len(arrays[field]) != len(ends) or arrays[field].dtype != kind for field, kind in _TYPES.items()
        ):
            raise ValueError("members without a place")
        if any((arrays[field] < 0).any() for field in ("part", "start", "packed", "size")):
            raise ValueError("members at places that cannot be")
        self.arrays, self.root = arrays, decoded(arrays["root"].tobytes()) if "root" in arrays else ""

    @classmethod
    def of(cls, members: Iterable[Member], where: str) -> "Members":
        """Sort members; names are relative to the folder that has the one folder of annotations in the archive.

        Args:
            members: in any order. Those that no name below that folder leads to are left out.
            where: the archive, for messages.

        Raises:
            BadInputError: two have the same name, or a place that cannot be.
        """
        found: dict[str, Member] = {}
        for member in members:
            name = _plain(member.name)
            if name and found.setdefault(name, member) is not member:
                raise BadInputError(
                    "a name is in the archive twice",
                    where=where,
                    found=name[:120],
                    todo="make the archive anew",
                )
        root = _root_in(found)
        named = sorted(
            (encoded(name[len(root) :]), member) for name, member in found.items() if name.startswith(root)
        )
        names = [name for name, _ in named]
        try:
            arrays = {
                field: np.array([getattr(member, field) for _, member in named], kind)
                for field, kind in _TYPES.items()
            }
            arrays["names"] = np.frombuffer(b"".join(names), np.uint8)
            arrays["ends"] = np.cumsum([len(name) for name in names], dtype=np.int64)
            arrays["root"] = np.frombuffer(encoded(root), np.uint8)
            return cls(arrays)
        except (ValueError, OverflowError) as error:
            raise BadInputError(
                f"archive is damaged ({error})", where=where, todo="copy it again, or make it anew"
            ) from error

    def __len__(self) -> int:
        """Return the number of members."""
        return len(self.arrays["ends"])

    def find(self, name: str) -> Member | None:
        """Return the member of a name, if there is one."""
        wanted = encoded(name)
        place = self._place(wanted)
        return self[place] if place < len(self) and self._name(place) == wanted else None

    def __getitem__(self, place: int) -> Member:
        """Return the member at a place in the order of names."""
        fields = (int(self.arrays[field][place]) for field in _TYPES)
        return Member(decoded(self._name(place)), *fields)

    def below(self, folder: str) -> Iterator[str]:
        """Return the names of all members in a folder and its subfolders, relative to it; empty for the archive."""
        start = encoded(f"{folder}/") if folder else b""
        for place in range(self._place(start), len(self)):
            name = self._name(place)
            if not name.startswith(start):
                break
            yield decoded(name[len(start) :])

    def inside(self, folder: str) -> dict[str, bool]:
        """Return the names of what lies in a folder, and whether each is a folder itself; empty for the archive."""
        start = encoded(f"{folder}/") if folder else b""
        place, found = self._place(start), {}
        while place < len(self) and (name := self._name(place)).startswith(start):
            first, slash, _ = name[len(start) :].partition(b"/")
            found[decoded(first)] = bool(slash)
            place = self._place(start + first + b"0") if slash else place + 1  # 0 comes after /
        return found

    def _place(self, wanted: bytes) -> int:
        """Return how many names come before one."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._name(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        return low

    def _name(self, place: int) -> bytes:
        ends = self.arrays["ends"]
        return self.arrays["names"][int(ends[place - 1]) if place else 0 : int(ends[place])].tobytes()


def encoded(name: str) -> bytes:
    """Return a name as archives hold it.

    Args:
        name: with / between folders.

    Returns:
        UTF-8, or the bytes that are none.
    """
    return name.encode("utf-8", "surrogateescape")


def decoded(name: bytes) -> str:
    """Return the text of a name.

    Args:
        name: see ``encoded``.

    Returns:
        The text.
    """
    return name.decode("utf-8", "surrogateescape")


def _plain(name: str) -> str:
    """Return a name with / between folders; empty for one that leads out of the archive or is the system's."""
    plain = posixpath.normpath(name.replace("\\", "/")).lstrip("/")
    first = plain.partition("/")[0]
    return "" if first in ("", ".", "..", *_IGNORED) else plain


def _root_in(names: Iterable[str]) -> str:
    """Return the folder, with /, that has ``annotations/….json``, if there is one such in all of the archive."""
    found = {
        name[: -len(last)].removesuffix(f"{_ANNOTATIONS}/")
        for name in names
        if (last := name.rpartition("/")[2]).endswith(".json")
        and f"/{name}".endswith(f"/{_ANNOTATIONS}/{last}")
    }
    return found.pop() if len(found) == 1 else ""
