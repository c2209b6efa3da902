"""The images among files, folders, patterns, addresses and lists, one by one."""

import glob
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from kpplugins.data.images import SUFFIXES
from kpplugins.inference.bulk.sorted_names import sorted_names
from kpplugins.storage.file_system import file_system_of
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import is_address

STDIN = "-"
_PIECE = 1 << 16
_Above = frozenset[tuple[int, int]]


class ImageNames:
    """Iterates over the names of images without holding them in memory; each iteration looks anew.

    Files keep the order in which they are given. A folder's own images come first, sorted, then its subfolders, sorted;
    links to folders are followed, but never in a circle. What a pattern or a folder holds besides images is counted.

    Args:
        inputs: files, folders, patterns (``images/**/*.jpg``), and addresses of each of these.
        lists: text files with one name a line, or separated by NUL (``find -print0``); ``-`` is the standard input.

    Attributes:
        passed_over: by ending, the number of files that were found and are not images.
        faults: name and fault of what could not be searched, in the order found.

    Raises:
        BadInputError: there is no such folder, list or file, or a file is not an image.
    """

    def __init__(self, inputs: Sequence[str], lists: Sequence[str] = ()) -> None:
        self.inputs, self.lists = [str(given) for given in inputs], [str(given) for given in lists]
        self.passed_over: Counter[str] = Counter()
        self.faults: list[tuple[str, str]] = []
        if not self.inputs and not self.lists:
            raise BadInputError("no images are given", todo="give files, folders or patterns, or --list FILE")
        for given in self.inputs:
            self._require(given)
        for given in self.lists:
            if given != STDIN and not Path(given).is_file():
                raise BadInputError("no such list of names", where=given)

    @property
    def countable(self) -> bool:
        """Tell whether counting costs no more than reading names from the disk."""
        return STDIN not in self.lists and not any(map(is_address, self.inputs))

    def __iter__(self) -> Iterator[str]:
        self.passed_over, self.faults = Counter(), []
        for given in self.inputs:
            yield from self._expanded(given)
        for given in self.lists:
            yield from self._listed(given)

    def _require(self, given: str) -> None:
        if is_address(given) or _is_image(given) or Path(given).is_dir():
            return
        if Path(given).is_file():
            todo = "videos: kpplugins demo" if not _is_list(given) else f"names of images: --list {given}"
            raise BadInputError("not an image", where=given, expected=", ".join(SUFFIXES), todo=todo)
        if not glob.has_magic(given):
            raise BadInputError("no such file or folder", where=given)

    def _expanded(self, given: str) -> Iterator[str]:
        if is_address(given):
            yield from self._at(given)
        elif Path(given).is_dir():
            yield from self._some(given, self._in(given, frozenset()))
        elif glob.has_magic(given) and not os.path.lexists(given):
            yield from self._some(given, self._matching(given), "no image matches")
        else:
            yield given

    def _some(self, given: str, names: Iterator[str], fault: str = "no image here") -> Iterator[str]:
        """Yield the names, and keep it as a fault if there are none."""
        empty = True
        for name in names:
            empty = False
            yield name
        if empty:
            self.faults.append((given, fault))

    def _matching(self, pattern: str) -> Iterator[str]:
        for name in sorted_names(glob.iglob(pattern, recursive=True)):  # noqa: PTH207
            if not Path(name).is_dir():
                yield from self._image(name)
            elif "**" not in pattern:  # which has found what is inside itself
                yield from self._in(name, frozenset())

    def _in(self, folder: str, above: _Above) -> Iterator[str]:
        """Yield the images in a folder and below."""
        folders: list[str] = []
        try:
            state = Path(folder).stat()
            here = (state.st_dev, state.st_ino)
            if here in above:
                return
            yield from sorted_names(self._own(folder, folders))
        except OSError as error:
            self.faults.append((folder, f"folder cannot be searched ({error.strerror or error})"))
            return
        for inner in sorted(folders):
            yield from self._in(inner, above | {here})

    def _own(self, folder: str, folders: list[str]) -> Iterator[str]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir():
                    folders.append(entry.path)
                else:
                    yield from self._image(entry.path)

    def _image(self, name: str) -> Iterator[str]:
        if _is_image(name):
            yield name
        else:
            self.passed_over[Path(name).suffix.lower() or "no ending"] += 1

    def _at(self, address: str) -> Iterator[str]:
        """Yield the images at an address: itself, those of a folder there, or those that match."""
        patterned = glob.has_magic(address.partition("?")[0] if address.startswith("http") else address)
        if not patterned and _is_image(address.partition("?")[0]):
            yield address
            return
        files, path = file_system_of(address)
        try:
            if patterned:
                found = sorted_names(files.glob(path))
                images = self._images(map(files.unstrip_protocol, found))
                yield from self._some(address, images, "no image matches")
            elif files.isfile(path):
                yield address
            else:
                yield from self._some(address, self._below(files, path))
        except BadInputError:
            raise
        except Exception as error:  # each file system raises errors of its own
            words = " ".join(str(error).split())[:200]
            self.faults.append((address, f"cannot be searched ({type(error).__name__}: {words})"))

    def _below(self, files: Any, path: str) -> Iterator[str]:
        for folder, folders, names in files.walk(path, detail=False, on_error="raise"):
            folders.sort()  # in place: the walk goes on by it
            whole = (files.unstrip_protocol(f"{folder.rstrip('/')}/{name}") for name in names)
            yield from self._images(sorted_names(whole))

    def _images(self, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            yield from self._image(name)

    def _listed(self, given: str) -> Iterator[str]:
        """Yield the names of a list as they stand there; what is no image is found when it is read."""
        if given == STDIN:
            yield from _names_in(sys.stdin.buffer)
            return
        with Path(given).open("rb") as file:
            yield from _names_in(file)


def key_of(name: str) -> str:
    """Return what is equal for two spellings of one name.

    Args:
        name: a file's name, or an address.

    Returns:
        The name without ``.`` and doubled slashes; addresses as they are.
    """
    return name if is_address(name) else os.path.normpath(name)


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _is_list(name: str) -> bool:
    return name.lower().endswith((".txt", ".lst", ".list", ".csv", ".tsv"))


def _names_in(file: IO[bytes]) -> Iterator[str]:
    """Yield the names of a list; NUL in its beginning says that they are separated by NUL."""
    piece = file.read(_PIECE)
    mark = b"\0" if b"\0" in piece else b"\n"
    rest = b"\xef\xbb\xbf"  # a byte order mark is no part of a name
    piece = piece.removeprefix(rest)
    rest = b""
    while piece:
        *whole, rest = (rest + piece).split(mark)
        yield from filter(None, (_name(one, mark) for one in whole))
        piece = file.read(_PIECE)
    yield from filter(None, [_name(rest, mark)])


def _name(one: bytes, mark: bytes) -> str:
    return os.fsdecode(one if mark == b"\0" else one.rstrip(b"\r"))
