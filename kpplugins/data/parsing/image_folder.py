"""Find the images of a source by the names that its annotations give them, also where the two differ."""

import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from kpplugins.data.image_info import ImageInfo
from kpplugins.data.images import SUFFIXES
from kpplugins.data.parsing.image_files import (
    below,
    existing_image,
    is_absolute,
    measure_image,
    missing_image,
)
from kpplugins.storage.files import is_file, walk
from kpplugins.structures import BadInputError


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _unquoted(name: str) -> str:
    return _composed(unquote(name))


def _folded(name: str) -> str:
    return _unquoted(name).casefold()


def _without_ending(name: str) -> str:
    plain = _folded(name)
    return plain.rsplit(".", 1)[0] if plain.endswith(SUFFIXES) else plain


_SPELLINGS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("in another Unicode form or with other separators", _composed),
    ("with another spelling of %20 and the like", _unquoted),
    ("in another case", _folded),
)
_NO_ENDING = "by a name without ending"
_PATH_END = "by the end of a path of another machine"
_SUBFOLDER = "by the end of their path, in another folder"


class ImageFolder:
    """The folder with the images of a source.

    A name leads to the file of that name. If there is none, to the only one in the same place whose name differs in
    the Unicode form (macOS writes ``é`` as two characters), in ``%20`` for a blank, in upper and lower case, or in the
    ending that the annotation lacks. An absolute path or web address leads to the only file with the longest end of
    that path; with ``search`` any other name does too. ``notes`` counts all that were found in such a way.

    Args:
        root: all files are kept below it.
        bases: folders below ``root`` that names may be relative to, best first.
        search: whether an image may also be in any other folder below ``root``.
        links: see ``below``.
        rescale: see ``measure_image``.
    """

    def __init__(
        self,
        root: Path,
        bases: Sequence[str] = ("",),
        *,
        search: bool = False,
        links: bool = False,
        rescale: bool = False,
    ) -> None:
        self.rescale = rescale
        self.root, self.bases, self.search, self.links = root, tuple(bases), search, links
        self._ways: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._names: dict[Path, str] = {}
        self._guessed: set[Path] = set()
        self._inside: dict[str, bool] = {}

    def find(
        self,
        names: str | Sequence[str],
        where: str,
        *,
        bases: Sequence[str] | None = None,
        declared: tuple[int, int] | None = None,
        todo: str = "",
    ) -> ImageInfo:
        """Find an image and measure it.

        Args:
            names: what the annotation says, and other spellings of it, best first.
            where: the annotation, for messages.
            bases: instead of those of the folder.
            declared: see ``measure_image``.
            todo: what to do if there is no such file.

        Returns:
            The image's path and its size in pixels.

        Raises:
            BadInputError: see ``path`` and ``measure_image``.
        """
        return measure_image(self.path(names, where, bases=bases, todo=todo), where, declared, self.rescale)

    def path(
        self,
        names: str | Sequence[str],
        where: str,
        *,
        bases: Sequence[str] | None = None,
        todo: str = "",
        search: bool | None = None,
    ) -> Path:
        """Find an image.

        Args:
            names: see ``find``.
            where: see ``find``.
            bases: see ``find``.
            todo: see ``find``.
            search: instead of that of the folder.

        Returns:
            The file.

        Raises:
            BadInputError: a name that is unusable or leaves the folder, no such file, several that fit equally, or one
                that another name has led to.
        """
        spelled = [name.strip() for name in ([names] if isinstance(names, str) else names)]
        places = self.bases if bases is None else tuple(bases)
        far = self.search if search is None else search
        joined = f"{places[0]}/{spelled[0]}".lstrip("/")
        plain = None if spelled[0].startswith("/") else self._plain(joined)
        if plain is not None:
            return self._claim(plain, joined, where, "")
        meant = spelled[0] if is_absolute(spelled[0]) else joined
        near = [name for name in spelled if not is_absolute(name)]
        leaves: BadInputError | None = None
        try:
            found = existing_image(self.root, near, where, places, self.links)
        except BadInputError as fault:
            if not (far and fault.what == "image lies outside its folder"):
                raise
            found, leaves = None, fault
        if found is not None:
            return self._claim(found, meant, where, "")
        way, inside = self._elsewhere(spelled, near, places, far, where)
        if inside:
            path = self.root / inside  # an archive of Windows unpacked here has \\ in its files' names
            if "\\" not in inside or path.is_symlink():
                path = below(self.root, inside, where, self.links)
            return self._claim(path, meant, where, way)
        if is_absolute(spelled[0]):
            existing_image(self.root, spelled[:1], where)  # says what is wrong with an absolute name
        raise leaves or missing_image(spelled[0], where, places, todo)

    def _plain(self, name: str) -> Path | None:
        """Return what ``existing_image`` would find for an ordinary name of a file that is no link, sooner."""
        if not name.isprintable() or name != name.strip() or any(odd in name for odd in ("\\", "..", ":")):
            return None
        path = f"{self.root}{os.sep}{name}"
        folder, _, last = path.rpartition("/")
        try:
            if not last.strip() or not _is_no_link(path):
                return None
        except (OSError, ValueError):
            return None
        if folder not in self._inside:
            self._inside[folder] = Path(folder).resolve().is_relative_to(self.root.resolve())
        return self.root / name if self._inside[folder] else None

    @property
    def notes(self) -> list[str]:
        """Return one line for each way in which images were found under other names."""
        return [
            f"{n} image{'s' * (n > 1)} found {way}, e.g. {self._examples[way]}"
            for way, n in self._ways.items()
        ]

    def _elsewhere(
        self, names: Sequence[str], near: Sequence[str], places: Sequence[str], far: bool, where: str
    ) -> tuple[str, str]:
        """Return how an image was found that is not where its name says, and its path below the root; or two blanks."""
        for way, spelling in _SPELLINGS:
            for name in near:
                for place in places:
                    fitting = self._by_key(spelling).get(
                        spelling(os.path.normpath(f"{place or '.'}/{name}")), []
                    )
                    if fitting:
                        return way, _only(fitting, name, where)
        for name in near:
            for place in places:
                if not name.lower().endswith(SUFFIXES):
                    key = _without_ending(os.path.normpath(f"{place or '.'}/{name}"))
                    fitting = self._by_key(_without_ending).get(key, [])
                    if fitting:
                        return _NO_ENDING, _only(fitting, name, where)
        for name in names:
            if far or is_absolute(name):
                fitting = self._by_end(name)
                if fitting:
                    return _PATH_END if is_absolute(name) else _SUBFOLDER, _only(fitting, name, where)
        return "", ""

    def _by_end(self, name: str) -> list[str]:
        """Return the files whose path shares the most last parts with ``name``, at least the file's name."""
        key = _folded if name.lower().endswith(SUFFIXES) else _without_ending
        parts = [part for part in key(name.split("?")[0]).split("/") if part not in ("", ".", "..")]
        best = 0
        fitting: list[str] = []
        for file in self._by_base.get(_without_ending(parts[-1]), []) if parts else []:
            own = key(file).split("/")
            common = 0
            while common < min(len(own), len(parts)) and own[-1 - common] == parts[-1 - common]:
                common += 1
            if common > best:
                best, fitting = common, []
            if common == best > 0:
                fitting.append(file)
        return fitting

    def _claim(self, path: Path, name: str, where: str, way: str) -> Path:
        """Note that ``name`` led to ``path``; two names must not, if one of them had to be searched for."""
        earlier = self._names.setdefault(path, name)
        if earlier != name and (way or path in self._guessed):
            raise BadInputError(
                "two names lead to one image", where=where, expected="one image for each",
                found=f"{path} for {earlier[:80]!r} and {name[:80]!r}", todo="restore the missing image, or rename one",
            )  # fmt: skip
        if way and path not in self._guessed:
            self._guessed.add(path)
            self._ways[way] += 1
            there = str(path.relative_to(self.root))
            self._examples.setdefault(way, f"{name.rsplit('/', 1)[-1][:80]!a} is {there[:80]!a}")
        return path

    @cached_property
    def _files(self) -> list[str]:
        """List the images below the root, relative to it, with / between folders."""
        return [name for name in walk(self.root) if name.lower().endswith(SUFFIXES)]

    @cached_property
    def _by_base(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for file in self._files:
            found.setdefault(_without_ending(file).rsplit("/", 1)[-1], []).append(file)
        return found

    @cached_property
    def _keyed(self) -> dict[Callable[[str], str], dict[str, list[str]]]:
        return {}

    def _by_key(self, spelling: Callable[[str], str]) -> dict[str, list[str]]:
        if spelling not in self._keyed:
            found: dict[str, list[str]] = {}
            for file in self._files:
                found.setdefault(spelling(file), []).append(file)
            self._keyed[spelling] = found
        return self._keyed[spelling]


def _is_no_link(path: str) -> bool:
    """Tell whether a file is there that is no link; archives have none that are read."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return is_file(Path(path))


def _only(fitting: list[str], name: str, where: str) -> str:
    if len(fitting) > 1:
        raise BadInputError(
            "image name fits several files", where=where, expected="one", found=f"{name[:80]!a}: "
            + ", ".join(ascii(file[:60]) for file in fitting[:3]), todo="name the right folder: --images DIR",
        )  # fmt: skip
    return fitting[0]
