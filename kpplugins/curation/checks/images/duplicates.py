"""Find images that occur more than once; across splits, a model is scored on what it was trained on."""

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.images.videos import scenes
from kpplugins.curation.checks.material import Material

LEAST_CORRELATION = 0.97
MOST_DIFFERENCE = 0.35
"""Near-duplicates: least correlation of thumbnails, and largest difference of any eighth by eighth of the image, in
standard deviations of grey. The second tells apart frames of a still camera in which something moved."""

_NAMED = 4


def exact(material: Material) -> list[Finding]:
    """Find files with the same bytes.

    Args:
        material: the data set.

    Returns:
        One finding per group of identical files.
    """
    same: dict[bytes, list[Path]] = defaultdict(list)
    for path, digest in zip(material.looks.paths, material.looks.digests, strict=True):
        same[digest].append(path)
    return [_finding(material, paths, "duplicate") for paths in same.values() if len(paths) > 1]


def near(material: Material) -> list[Finding]:
    """Find files with different bytes that look the same: scaled, compressed or brightened copies.

    Frames of one video without motion between them are left to ``videos``.

    Args:
        material: the data set.

    Returns:
        One finding per group of images that look the same.
    """
    looks, scene = material.looks, scenes(material)
    found = []
    for places in alike_groups(material):
        one_video = len({scene.get(looks.paths[i], str(looks.paths[i])) for i in places}) == 1
        if len({looks.digests[i] for i in places}) > 1 and not one_video:
            found.append(_finding(material, [looks.paths[i] for i in places], "near-duplicate"))
    return found


def near_pairs(material: Material) -> tuple[np.ndarray, np.ndarray]:
    """Find pairs of images that look the same.

    Args:
        material: the data set.

    Returns:
        Two (P,) integer arrays: the indices in ``material.looks`` of the first and second image of each pair.
    """
    first, second = material.looks.close_pairs()
    alike = material.looks.correlation(first, second) >= LEAST_CORRELATION
    alike &= material.looks.difference(first, second) <= MOST_DIFFERENCE
    return first[alike], second[alike]


def alike_groups(material: Material) -> list[list[int]]:
    """Group the images that look the same, whichever of their copies they look like.

    Args:
        material: the data set.

    Returns:
        Groups of two or more indices in ``material.looks``.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    first, second = near_pairs(material)
    if len(first) == 0:
        return []
    n = len(material.looks.paths)
    graph = coo_matrix((np.ones(len(first)), (first, second)), shape=(n, n))
    label = connected_components(graph, directed=False)[1]
    groups: dict[int, list[int]] = defaultdict(list)
    for place in np.flatnonzero(np.bincount(label)[label] > 1):
        groups[int(label[place])].append(int(place))
    return list(groups.values())


def _finding(material: Material, paths: list[Path], kind: str) -> Finding:
    splits = Counter(material.reading.splits.get(p, "") for p in paths)
    across = len(splits) > 1
    if across:  # the two shown come from different splits
        paths = sorted(paths, key=lambda p: material.reading.splits.get(p, "") != "train")
        other = next(
            p for p in paths if material.reading.splits.get(p) != material.reading.splits.get(paths[0])
        )
        paths = [paths[0], other, *(p for p in paths[1:] if p != other)]
    names = ", ".join(p.name for p in paths[:_NAMED]) + (", …" if len(paths) > _NAMED else "")
    shares = ", ".join(f"{count} in {split or 'no split'}" for split, count in splits.items())
    how = "have the same content" if kind == "duplicate" else "look the same"
    return Finding(
        f"{kind}-across-splits" if across else kind,
        "harmful" if across else "suspect",
        f"{len(paths)} images {how}{f' and are in different splits ({shares})' if across else ''}: {names}.",
        "keep them in one split: delete the copies in the others, with their annotations" if across
        else "keep one, with the better labels, and delete the others",
        paths[0], paths[0], beside=paths[1],
    )  # fmt: skip
