"""Put images into the new folder, under names that annotation tools keep."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

from kpplugins.data.coco.writer import Progress, place_image
from kpplugins.structures import BadInputError
from kpplugins.structures.line_breaks import breaks_line

PLACERS = ("copy", "hardlink")
"""No symbolic links: readers refuse images outside their folder."""
Lay = Callable[[Mapping[Path, str]], None]
"""Puts images into the new folder, under names relative to it."""


def layer(made: Path, place: str, progress: Progress | None, passing: Path) -> tuple[Lay, dict[Path, str]]:
    """Make the function that puts images into ``made``, and the names that it gives them.

    Args:
        made: the new folder.
        place: ``copy`` or ``hardlink``.
        progress: called with (images done, of all).
        passing: a temporary folder; images in it are copied in any case.

    Returns:
        The function, and the new names by image, which it fills.
    """

    laid: dict[Path, str] = {}

    def lay(names: Mapping[Path, str]) -> None:
        laid.update(names)
        for i, (source, name) in enumerate(names.items(), 1):
            way = "copy" if source.is_relative_to(passing) else place
            place_image(source, made / name, way)
            if progress is not None:
                progress(i, len(names))

    return lay, laid


def check_placer(place: str) -> None:
    """Raise BadInputError for an unknown way to place images.

    Args:
        place: ``copy``, ``hardlink`` or ``symlink``.
    """
    if place not in PLACERS:
        raise BadInputError("unknown way to place images", expected=", ".join(PLACERS), found=repr(place))


def check_names(names: Mapping[Path, str]) -> None:
    """Raise BadInputError for an image whose name the readers would not find again.

    Args:
        names: the new name by image.
    """
    for path, name in names.items():
        parts = name.split("/")
        if (
            breaks_line(name)
            or "\\" in name
            or PureWindowsPath(name).drive
            or any(part != part.strip() or part.startswith(".") for part in parts)
        ):
            raise BadInputError(
                "image has a name that annotation tools do not keep",
                where=ascii(str(path)),
                expected="no blank at its ends, no leading dot, no backslash, colon or control character",
                todo="rename it",
            )


def unlike_stems(names: Mapping[Path, str], reserved: Collection[str] = ()) -> dict[Path, str]:
    """Change names where two differ in their endings only, for tools that name one file after each image.

    Args:
        names: name of each image.
        reserved: names without ending that no image may have.

    Returns:
        The names by image.
    """
    stems = {path: str(PurePosixPath(name).with_suffix("")) for path, name in names.items()}
    taken, known = set(reserved), {*stems.values(), *reserved}
    found: dict[Path, str] = {}
    for path, name in names.items():
        stem, number = stems[path], 2
        if stem in taken:
            while f"{stem}_{number}" in known:
                number += 1
            stem = f"{stem}_{number}"
        taken.add(stem)
        known.add(stem)
        found[path] = stem + PurePosixPath(name).suffix
    return found
