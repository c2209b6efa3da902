"""The images and videos among files, folders and patterns."""

import glob
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from kpplugins.data.images import SUFFIXES
from kpplugins.inference.video.opening import ADDRESS, shown_address
from kpplugins.structures import BadInputError

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")


def is_video(file: Path) -> bool:
    """Tell whether a file counts as a video, by its ending.

    Args:
        file: the file.

    Returns:
        True if it does.
    """
    return file.suffix.lower() in VIDEO_SUFFIXES


def find_inputs(inputs: Iterable[str | Path]) -> list[Path]:
    """Find the images and videos among files, folders and patterns.

    Args:
        inputs: files, folders that are searched without their subfolders, and patterns with ``*``, ``?``, ``[…]`` and
            ``**`` for any folders.

    Returns:
        The files in the order of ``inputs``, those of one folder or pattern sorted; each once.

    Raises:
        BadInputError: a path does not exist, a file is neither image nor video, or a folder or pattern holds none.
    """
    found: list[Path] = []
    for given in map(str, inputs):
        if ADDRESS.match(given):
            raise BadInputError(
                "an address is no file", where=shown_address(given), todo="give it as --webcam ADDRESS"
            )
        found += _files_of(Path(given), given)
    return list(dict.fromkeys(found))


def _files_of(path: Path, given: str) -> list[Path]:
    if path.is_dir():
        return _usable(path.iterdir(), "no image or video in this folder", given)
    if path.is_file():
        if not _is_input(path):
            raise BadInputError(
                "neither an image nor a video", where=given, expected=", ".join(SUFFIXES + VIDEO_SUFFIXES)
            )
        return [path]
    if glob.has_magic(given):
        matches = map(Path, glob.glob(given, recursive=True))  # noqa: PTH207  # a Path cannot hold a whole pattern
        return _usable(matches, "no image or video fits this pattern", given)
    raise BadInputError("no such file or folder", where=given)


def _is_input(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES + VIDEO_SUFFIXES


def _usable(paths: Iterable[Path], otherwise: str, given: str) -> list[Path]:
    inside = sorted(path for path in paths if _is_input(path) and path.is_file())
    if not inside:
        raise BadInputError(otherwise, where=given)
    return inside


def result_names(files: Sequence[Path]) -> list[str]:
    """Return the names of the results: those of the files, with their folders where two files have the same name.

    Args:
        files: the inputs.

    Returns:
        One name per file, without suffix.

    Raises:
        BadInputError: two inputs differ only in their suffixes.
    """
    names = [file.stem for file in files]
    if len(set(names)) < len(names):
        shared = Path(os.path.commonpath([file.resolve().parent for file in files]))
        names = ["_".join(file.resolve().relative_to(shared).with_suffix("").parts) for file in files]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise BadInputError(f"two inputs are called {twice[0]!r}", todo="run them with two --out folders")
    return names
