"""Find the COCO files of a source, and the folder that the images of each are in."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from kpplugins.data.parsing.documents import load_json
from kpplugins.data.parsing.text import first_text
from kpplugins.data.splits import SPLIT_WORDS, SPLITS, split_of_name
from kpplugins.storage.files import files_in, folders_in, is_file, is_folder, stamp_of
from kpplugins.structures import BadInputError

_FOLDERS = ("annotations", "annotation", "labels")
"""Lower-case names of folders for annotation files."""
_IMAGE_FOLDERS = ("images", "data", "", "img", "imgs", "JPEGImages")
_ASKED = 500
"""Maximum number of images, spread over a file, by which its folder is chosen."""


def coco_files(source: Path) -> list[Path]:
    """List the COCO files of a source.

    Args:
        source: a file; or a folder with JSON files in ``annotations``, in itself, or in folders named after splits, as
            Roboflow (``train/_annotations.coco.json``) and FiftyOne (``validation/labels.json``) write them.

    Returns:
        The files, sorted, those of the first of these places that has any; none where ``source`` does not exist.
    """
    if source.suffix.lower() == ".json" and is_file(source):
        return [source] if looks_like_coco(source) else []
    if not is_folder(source):
        return []
    parts = folders_in(source)
    own = [p for p in parts if p.name.lower() in _FOLDERS]
    divided = [p for p in parts if split_of_name(p.name)]
    below = [p / name for p in divided for name in _FOLDERS]
    below += [q for p in own for q in folders_in(p) if split_of_name(q.name)]
    for places in (own, [source], [*divided, *below]):
        found = [f for p in places for f in files_in(p) if f.suffix == ".json" and looks_like_coco(f)]
        if found:
            return found
    return []


def looks_like_coco(path: Path) -> bool:
    """Tell whether a file has the three keys that every COCO file has.

    Args:
        path: the file; only ``.json`` counts.

    Returns:
        True for such a file, and for a broken one that is named or begins like one, so that it is reported.
    """
    try:
        return path.suffix.lower() == ".json" and _has_the_keys(path, *stamp_of(path))
    except OSError:
        return False


@lru_cache(maxsize=1024)
def _has_the_keys(path: Path, written: int, size: int) -> bool:
    """Answer ``looks_like_coco``, once as long as the file is not written again: it may have 500 MB."""
    try:
        content = load_json(path, finite=False)
    except BadInputError:
        named = path.stem.lower().startswith(("person_keypoints", "instances", *SPLITS))
        text = first_text(path)
        return named or all(f'"{key}"' in text for key in ("images", "annotations", "categories"))
    return isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys()


def split_of_file(path: Path, root: Path) -> str:
    """Return the split that an annotation file's name means, or else the name of its folder below the source.

    Args:
        path: the file.
        root: the source.

    Returns:
        ``train``, ``val``, ``test``, or empty.
    """
    own = split_of_name(path.stem)
    folders = path.parent.relative_to(root).parts if path.is_relative_to(root) else ()
    return own or next((split for name in folders if (split := split_of_name(name))), "")


def image_place(path: Path, source: Path, entries: Sequence[Any]) -> tuple[Path, str, bool]:
    """Choose the folder that has the most of the images of a file.

    Args:
        path: the annotation file.
        source: the folder that it was found in; if ``path`` is not below it, that of the images.
        entries: the file's images, as they are written.

    Returns:
        A folder that all names are kept below; the folder in it that has the images, with / (empty for itself); and
        whether any image is there.
    """
    inside = path.parent
    if not path.is_relative_to(source):
        roots = [source]
    elif inside.name.lower() in _FOLDERS:
        roots = [inside.parent, inside, source]
    else:
        roots = [inside, source, inside.parent]
    names = [
        str(e["file_name"]).replace("\\", "/") for e in entries if isinstance(e, dict) and e.get("file_name")
    ]
    asked = names[:: len(names) // _ASKED + 1]
    split = split_of_file(path, source)
    candidates = [(root, sub) for root in dict.fromkeys(roots) for sub in _below(path, split)]
    most, best = 0, candidates[0]
    for root, sub in candidates:
        count = sum(_is_file(root / sub, name) for name in asked) if is_folder(root / sub) else 0
        if count > most:
            most, best = count, (root, sub)
        if most == len(asked):
            break
    return *best, most > 0


def _below(path: Path, split: str) -> list[str]:
    """Return the folders below a root that the images of a file may be in, best first."""
    tail = path.stem.split("_")[-1]
    words = [tail, path.stem, *(word for word, meant in SPLIT_WORDS.items() if split and meant == split)]
    inner = [f"{folder}/{word}".lstrip("/") for folder in ("images", "data", "", "img") for word in words]
    inner += [f"{word}/{folder}" for word in words for folder in ("images", "data")]
    return list(dict.fromkeys(["images", *inner, *_IMAGE_FOLDERS[1:]]))


def _is_file(folder: Path, name: str) -> bool:
    try:
        return is_file(folder / name.lstrip("/"))
    except (OSError, ValueError):
        return False
