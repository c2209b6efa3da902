"""Divide a data set into folds, so that every label is compared with a model that has not seen it."""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from kpplugins.curation.checks.images.duplicates import alike_groups
from kpplugins.curation.checks.images.videos import propose_pattern, scenes, sequences
from kpplugins.curation.checks.material import Material
from kpplugins.curation.convert import GroupBy, group_of
from kpplugins.curation.split import fill_splits
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import images_of, names_below, write_coco
from kpplugins.data.origins import image_of_crops
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_text

LEAST_FOLDS = 2
_VALIDATED = 0.1
"""Share of the other folds' groups that choose the checkpoint of a fold's training."""
_STAMP = "fold.json"


def groups_of(material: Material) -> dict[Path, str]:
    """Group the images that must stay together: those of one group, and those that look the same.

    Groups come from ``group_by``; without one, crops of one image form a group, and blocks of neighbouring frames of
    one scene.

    Args:
        material: the data set.

    Returns:
        The name of the group of each image.

    Raises:
        BadInputError: see ``group_of``.
    """
    paths = [image.path for image in material.images]
    by: GroupBy = material.group_by or image_of_crops(material.source)
    blocks: dict[Path, str] = {}
    if by is None:
        filmed, everything = scenes(material), sequences(list(material.looks.paths))
        for sequence in everything:
            if sequence.paths[0] in filmed:
                pattern = propose_pattern(sequence, everything)
                blocks |= {path: f"{sequence.paths[0]} {group_of(path, pattern)}" for path in sequence.paths}
    found = {path: blocks.get(path) or group_of(path, by, material.source) for path in paths}
    one_block = set(blocks.values())
    home: dict[str, str] = {}

    def root(name: str) -> str:
        while home.get(name, name) != name:
            name = home[name]
        return name

    for places in alike_groups(material):
        names = [root(found[material.looks.paths[i]]) for i in places]
        # neighbouring frames of one scene look the same from block to block
        first, *others = dict.fromkeys(name for name in names if name not in one_block) or [""]
        home.update(dict.fromkeys(others, first))
    return {path: root(name) for path, name in found.items()}


def fold_of_images(groups: Mapping[Path, str], folds: int, seed: int = 0) -> dict[Path, int]:
    """Put whole groups into folds of about the same number of images.

    Args:
        groups: the group of each image.
        folds: how many folds.
        seed: of the order of groups of the same size.

    Returns:
        The fold of each image, from 0.

    Raises:
        BadInputError: fewer than two folds, or fewer groups than folds.
    """
    sizes = Counter(groups.values())
    if folds < LEAST_FOLDS:
        raise BadInputError(
            "wrong number of folds", where="--folds", expected=f"≥ {LEAST_FOLDS}", found=str(folds)
        )
    if len(sizes) < 2 * folds:
        raise BadInputError(
            "too few groups of images for so many folds", where="--folds", expected=f"≥ {2 * folds} groups",
            found=f"{len(sizes)} (images that look the same are one)",
            todo="ask for fewer folds, or give a finer --group-by",
        )  # fmt: skip
    chosen = fill_splits(sizes, {str(i): 1.0 for i in range(folds)}, seed)
    return {path: int(chosen[group]) for path, group in groups.items()}


def write_fold(
    reading: AnnotationSet,
    groups: Mapping[Path, str],
    held: Mapping[Path, int],
    fold: int,
    out: Path,
    seed: int = 0,
) -> None:
    """Write the data set of one fold.

    Its images are ``test``, a tenth of the other groups ``val``, the rest ``train``. A folder that holds the same
    already is kept, so that a training that was stopped goes on.

    Args:
        reading: the labels.
        groups: the group of each image.
        held: the fold of each image.
        fold: which one.
        out: the folder, which is made anew if it holds something else.
        seed: of the choice of ``val``.

    Raises:
        BadInputError: see ``write_coco``.
    """
    others = Counter(groups[path] for path, of in held.items() if of != fold)
    parts = fill_splits(others, {"train": 1 - _VALIDATED, "val": _VALIDATED}, seed)
    splits = {path: "test" if of == fold else parts[groups[path]] for path, of in held.items()}
    paths = [image.path for image in images_of(reading)]
    names = names_below(paths)
    stamp = {"content": content_hash(reading, names), "splits": {names[path]: splits[path] for path in paths}}
    kept = out / _STAMP
    if kept.is_file() and json.loads(kept.read_text(encoding="utf-8")) == stamp:
        return
    if out.exists():
        _remove(out)
    place = "hardlink" if _linkable(paths, out) else "copy"
    write_coco(reading, out, splits, names=names, place=place)
    replace_text(kept, json.dumps(stamp) + "\n")


def content_hash(reading: AnnotationSet, names: Mapping[Path, str]) -> str:
    """Return a hash of labels and images (names, sizes and times of the files).

    Args:
        reading: the labels.
        names: the name of each image.

    Returns:
        Hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps(reading.schema.__dict__, sort_keys=True, default=str).encode())
    for record in reading.records:
        words = (
            names[record.image],
            record.category,
            record.crowd,
            record.keypoints.tolist(),
            record.bbox.tolist(),
        )
        digest.update(json.dumps(words).encode())
    for image in images_of(reading):
        facts = image.path.stat() if image.path.is_file() else None
        size, time = (0, 0) if facts is None else (facts.st_size, facts.st_mtime_ns)
        digest.update(json.dumps((names[image.path], image.width, image.height, size, time)).encode())
    return digest.hexdigest()


def _linkable(paths: Sequence[Path], out: Path) -> bool:
    """Tell whether all images are files of the file system that ``out`` will be on."""
    out.parent.mkdir(parents=True, exist_ok=True)
    disk = out.parent.stat().st_dev
    return all(path.is_file() and path.stat().st_dev == disk for path in paths)


def _remove(folder: Path) -> None:
    """Remove a fold's data that are out of date; nothing but what ``write_fold`` has made."""
    if not (folder / _STAMP).is_file():
        raise BadInputError("folder was not made by audit", where=str(folder), todo="give another --out")
    shutil.rmtree(folder)
