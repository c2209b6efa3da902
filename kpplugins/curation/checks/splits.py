"""How the pictures are divided into train, val and test."""

import re
from collections import Counter, defaultdict
from pathlib import Path

from kpplugins.converters.origins import picture_of_crops
from kpplugins.converters.splits import SPLITS
from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.structures import BadInputError

_TINY = 20
_TODO = "divide the pictures again: python tools/dataset.py split DIR --ratio 80 10 10"


def parts(material: Material) -> list[Finding]:
    """Splits without pictures, without a labelled instance, or with very few."""
    if not material.reading.splits and not any(file.split for file in material.raw):
        return []
    pictures = Counter(material.reading.splits.get(p.path, "train") for p in material.pictures)
    instances = Counter(
        material.reading.splits.get(r.image, "train")
        for r in material.records
        if r.num_labelled and not r.crowd
    )
    found = []
    for split in SPLITS:
        missing = {"train": "harmful", "val": "suspect", "test": "note"}[split]
        if not pictures[split]:
            what = f"The {split} split has no pictures."
            found.append(Finding("split-empty", missing, what, _TODO, material.source))
        elif not instances[split]:
            severity = "suspect" if split == "test" else "harmful"
            what = f"None of the {pictures[split]} pictures of the {split} split has a labelled instance."
            todo = "label it, or " + _TODO
            found.append(Finding("split-unlabelled", severity, what, todo, material.source))
        elif split != "train" and instances[split] < _TINY:
            what = (
                f"The {split} split has {instances[split]} labelled instances: scores on it vary by chance."
            )
            todo = "label more, or give it a larger share: python tools/dataset.py split DIR --ratio 60 20 20"
            found.append(Finding("split-tiny", "note", what, todo, material.source))
    return found


def shared_pictures(material: Material) -> list[Finding]:
    """Pictures that the COCO files of two splits name."""
    named: dict[Path, dict[str, Path]] = defaultdict(dict)
    for file in material.raw:
        for _, picture in file.images:
            if picture is not None and file.split:
                named[picture.path].setdefault(file.split, file.path)
    return [
        Finding(
            "picture-in-two-splits",
            "harmful",
            f"The picture is in {' and '.join(files)}.",
            "delete it and its annotations from all files but one",
            list(files.values())[-1],
            path,
        )  # fmt: skip
        for path, files in named.items()
        if len(files) > 1
    ]


def groups(material: Material) -> list[Finding]:
    """Groups with pictures in more than one split: by the pattern that the user gave, else crops of one picture.

    Raises:
        BadInputError: the pattern is no regular expression, or matches no picture.
    """
    if material.group_by is None:
        return _crops_apart(material)
    try:
        pattern = re.compile(material.group_by)
    except re.error as error:
        raise BadInputError(
            f"not a regular expression: {error}", where="--group-by", found=repr(material.group_by)
        ) from error
    members: dict[str, list[Path]] = defaultdict(list)
    for picture in material.pictures:
        match = pattern.search(picture.path.as_posix())
        if match:
            members[str(match.group(1) if match.groups() else match.group(0))].append(picture.path)
    if not members and material.pictures:
        raise BadInputError("the pattern matches no picture", where="--group-by", found=repr(material.group_by),
                            expected=f"part of a path such as {material.pictures[0].path.as_posix()}")  # fmt: skip
    return _apart(material, members, f" --group-by '{material.group_by}'")


def _crops_apart(material: Material) -> list[Finding]:
    picture_of = picture_of_crops(material.source)
    if picture_of is None:
        return []
    members: dict[str, list[Path]] = defaultdict(list)
    for picture in material.pictures:
        members[picture_of(picture.path)].append(picture.path)
    return _apart(material, members, "")


def _apart(material: Material, members: dict[str, list[Path]], option: str) -> list[Finding]:
    found = []
    for name, paths in members.items():
        splits = Counter(material.reading.splits.get(p, "") for p in paths)
        if len(splits) > 1:
            shares = ", ".join(f"{n} in {s or 'no split'}" for s, n in splits.items())
            what = f"Pictures of the group {name!r} are in different splits: {shares}."
            todo = f"python tools/dataset.py split DIR --ratio 80 10 10{option}"
            found.append(Finding("group-across-splits", "harmful", what, todo, material.source, paths[0]))
    return found
