"""Find images by their names without ending, for formats that put one file per image beside the images."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from kpplugins.data.images import SUFFIXES
from kpplugins.structures import BadInputError


def images_by_stem(folders: Iterable[Path]) -> dict[str, list[Path]]:
    """List the images of some folders, without those in their subfolders.

    Args:
        folders: those that are not there are passed over.

    Returns:
        The images by their names without ending.
    """
    found: dict[str, list[Path]] = {}
    for folder in dict.fromkeys(folders):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.suffix.lower() in SUFFIXES and path.is_file():
                found.setdefault(path.stem, []).append(path)
    return found


def only_image(images: Mapping[str, Sequence[Path]], stem: str, where: str, place: str) -> Path:
    """Take the one image of a name.

    Args:
        images: see ``images_by_stem``.
        stem: the name without ending.
        where: the annotation file, for messages.
        place: where the image should be, for messages.

    Returns:
        Its path.

    Raises:
        BadInputError: there is none, or more than one.
    """
    found = images.get(stem, ())
    if len(found) == 1:
        return found[0]
    raise BadInputError(
        "annotation fits two images" if found else "image is missing",
        where=where,
        expected=f"one image {stem}.jpg (or .png, …) {place}",
        found=", ".join(str(path) for path in found)[:200],
        todo="leave one of them" if found else "put it there or delete its annotation",
    )


def count_unlabelled(images: Mapping[str, Sequence[Path]], stems: Collection[str]) -> int:
    """Count the images without an annotation file: nobody says that they are empty, so they are no backgrounds.

    Args:
        images: see ``images_by_stem``.
        stems: names without ending of the images that have one.

    Returns:
        How many there are.
    """
    return sum(len(found) for stem, found in images.items() if stem not in stems)
