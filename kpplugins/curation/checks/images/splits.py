"""Check how the images are divided into train, val and test."""

import re
from collections import Counter, defaultdict
from pathlib import Path

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.data.origins import image_of_crops
from kpplugins.data.splits import SPLITS
from kpplugins.structures import BadInputError

_TINY = 20
_TODO = "divide the images again: kpplugins dataset split DIR --ratio 80 10 10"


def parts(material: Material) -> list[Finding]:
    """Report splits without images, without a labelled instance, or with very few.

    Args:
        material: the data set.

    Returns:
        At most one finding per split.
    """
    if not material.reading.splits:
        return []
    images = Counter(material.reading.splits.get(p.path, "train") for p in material.images)
    instances = Counter(
        material.reading.splits.get(r.image, "train")
        for r in material.records
        if r.num_labelled and not r.crowd
    )
    found = []
    for split in SPLITS:
        missing = {"train": "harmful", "val": "suspect", "test": "note"}[split]
        if not images[split]:
            what = f"The {split} split has no images."
            found.append(Finding("split-empty", missing, what, _TODO, material.source))
        elif not instances[split]:
            severity = "suspect" if split == "test" else "harmful"
            what = f"None of the {images[split]} images of the {split} split has a labelled instance."
            todo = "label it, or " + _TODO
            found.append(Finding("split-unlabelled", severity, what, todo, material.source))
        elif split != "train" and instances[split] < _TINY:
            what = (
                f"The {split} split has {instances[split]} labelled instances: scores on it vary by chance."
            )
            todo = "label more, or give it a larger share: kpplugins dataset split DIR --ratio 60 20 20"
            found.append(Finding("split-tiny", "note", what, todo, material.source))
    return found


def groups(material: Material) -> list[Finding]:
    """Report groups with images in more than one split.

    Groups come from the user's ``group_by`` pattern; without one, crops of the same image form a group.

    Args:
        material: the data set.

    Returns:
        One finding per group.

    Raises:
        BadInputError: the pattern is not a regular expression, or matches no image.
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
    for image in material.images:
        match = pattern.search(image.path.as_posix())
        if match:
            members[str(match.group(1) if match.groups() else match.group(0))].append(image.path)
    if not members and material.images:
        raise BadInputError("the pattern matches no image", where="--group-by", found=repr(material.group_by),
                            expected=f"part of a path such as {material.images[0].path.as_posix()}")  # fmt: skip
    return _apart(material, members, f" --group-by '{material.group_by}'")


def _crops_apart(material: Material) -> list[Finding]:
    image_of = image_of_crops(material.source)
    if image_of is None:
        return []
    members: dict[str, list[Path]] = defaultdict(list)
    for image in material.images:
        members[image_of(image.path)].append(image.path)
    return _apart(material, members, "")


def _apart(material: Material, members: dict[str, list[Path]], option: str) -> list[Finding]:
    found = []
    for name, paths in members.items():
        splits = Counter(material.reading.splits.get(p, "") for p in paths)
        if len(splits) > 1:
            shares = ", ".join(f"{n} in {s or 'no split'}" for s, n in splits.items())
            what = f"Images of the group {name!r} are in different splits: {shares}."
            todo = f"kpplugins dataset split DIR --ratio 80 10 10{option}"
            found.append(Finding("group-across-splits", "harmful", what, todo, material.source, paths[0]))
    return found
