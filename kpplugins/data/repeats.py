"""Find instances that were annotated more than once, from which OKS sigmas can be measured."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.pose_record import PoseRecord
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import box_overlaps

_MIN_IOU, _MAX_DISTANCE = 0.8, 0.1
"""Two annotations in one image are of the same instance if their boxes overlap by at least this IoU and their keypoints
are, on average, at most this far apart in units of √area."""

_MATCH_IOU = 0.5
"""Least overlap of the boxes of the same instance in two sources."""


def repeated_instances(reading: AnnotationSet) -> tuple[np.ndarray, np.ndarray]:
    """Find annotations of one reading that are of the same instance.

    They have the same image and category. Boxes overlap by more than 0.8 (IoU), and the keypoints that both have, at
    least half of each one's, are at most 0.1 √area apart on average. Annotations with exactly the same keypoints are
    copies and count once.

    Args:
        reading: the annotations, K keypoints each.

    Returns:
        ``(N, M, K, 3)`` annotations of N instances, at most M of each, padded with visibility 0; and areas ``(N,)``
        in square pixels, the mean of each instance's annotations.
    """
    by_image: dict[tuple[Path, str], list[PoseRecord]] = defaultdict(list)
    for record in people(reading):
        by_image[record.image, record.category].append(record)
    groups: list[list[PoseRecord]] = []
    for records in by_image.values():
        here: list[list[PoseRecord]] = []
        for record in records:
            home = next((g for g in here if all(_alike(record, other) for other in g)), None)
            if home is None:
                here.append([record])
            elif not any(np.array_equal(record.keypoints, other.keypoints) for other in home):
                home.append(record)
        groups += [group for group in here if len(group) > 1]
    return _stacked(groups, reading.schema.num_keypoints)


def matched_instances(one: AnnotationSet, other: AnnotationSet) -> tuple[np.ndarray, np.ndarray]:
    """Match instances of two readings of the same images by the images' names and the best box overlap.

    Names are those of the files; if a reading has one twice, the paths below its images' common folder.
    Pairs are formed from the largest overlap down, to 0.5 (IoU); crowds and instances without keypoints do not count.

    Args:
        one: the first reading, K keypoints.
        other: the second, with the same keypoints in any order.

    Returns:
        ``(N, 2, K, 3)`` annotations, the keypoints in the order of ``one``; and areas ``(N,)`` in square pixels.

    Raises:
        BadInputError: the two have different keypoints, or an image different sizes.
    """
    if set(one.schema.keypoints) != set(other.schema.keypoints):
        raise BadInputError(
            "repeated annotations of other keypoints", where="--repeated",
            expected=", ".join(one.schema.keypoints), found=", ".join(other.schema.keypoints),
        )  # fmt: skip
    order = other.schema.indices_of(one.schema.keypoints)
    first, second = _by_name(one, other)
    groups = []
    for name in sorted(first.keys() & second.keys()):
        a, b = first[name], second[name]
        if (a[0].width, a[0].height) != (b[0].width, b[0].height):
            raise BadInputError(
                "image has another size in the repeated annotations", where=str(b[0].image),
                expected=f"{a[0].width}×{a[0].height}", found=f"{b[0].width}×{b[0].height}",
            )  # fmt: skip
        overlap = np.array([[_iou(r.bbox, s.bbox) for s in b] for r in a])
        while overlap.size and overlap.max() >= _MATCH_IOU:
            i, j = np.unravel_index(int(overlap.argmax()), overlap.shape)
            groups.append([a[i], replace(b[j], keypoints=b[j].keypoints[order], area=a[i].area)])
            overlap[i], overlap[:, j] = -1, -1
    return _stacked(groups, one.schema.num_keypoints)


def people(reading: AnnotationSet) -> list[PoseRecord]:
    """List instances with keypoints that are not crowds.

    Args:
        reading: the annotations.

    Returns:
        Their records, in the order of the reading.
    """
    return [r for r in reading.records if not r.crowd and r.num_labelled]


def _alike(one: PoseRecord, other: PoseRecord) -> bool:
    both = (one.keypoints[:, 2] > 0) & (other.keypoints[:, 2] > 0)
    if 2 * both.sum() < max(one.num_labelled, other.num_labelled) or _iou(one.bbox, other.bbox) <= _MIN_IOU:
        return False
    apart = np.linalg.norm(one.keypoints[both, :2] - other.keypoints[both, :2], axis=1).mean()
    return bool(apart < _MAX_DISTANCE * np.sqrt(max(min(one.area, other.area), 1e-9)))


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    return float(box_overlaps(one[None], other[None])[0, 0])


def _by_name(*readings: AnnotationSet) -> list[dict[str, list[PoseRecord]]]:
    """Return each reading's instances by a name of their image that is unique in all readings."""
    everybody = [people(reading) for reading in readings]
    images = [{r.image for r in records} for records in everybody]
    plain = all(len({p.name for p in paths}) == len(paths) for paths in images)
    found = []
    for records, paths in zip(everybody, images, strict=True):
        shared = _shared_folder(paths)
        named: dict[str, list[PoseRecord]] = defaultdict(list)
        for record in records:
            image = record.image
            named[image.name if plain else image.relative_to(shared).as_posix()].append(record)
        found.append(named)
    return found


def _shared_folder(paths: set[Path]) -> Path:
    """Return the deepest folder that contains all paths."""
    folders = [path.parent.parts for path in paths]
    depth = 0
    while folders and all(len(f) > depth and f[depth] == folders[0][depth] for f in folders):
        depth += 1
    return Path(*folders[0][:depth]) if folders else Path()


def _stacked(groups: Sequence[Sequence[PoseRecord]], k: int) -> tuple[np.ndarray, np.ndarray]:
    annotations = np.zeros((len(groups), max((len(g) for g in groups), default=2), k, 3))
    for row, group in zip(annotations, groups, strict=True):
        row[: len(group)] = [record.keypoints for record in group]
    return annotations, np.array([float(np.mean([max(r.area, 1e-9) for r in group])) for group in groups])


def joined(
    one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Join two results of ``repeated_instances`` or ``matched_instances`` to one.

    Args:
        one: annotations ``(N, M, K, 3)`` and areas ``(N,)``.
        other: the same of others; N and M may differ.

    Returns:
        Annotations of both, padded with visibility 0 to the larger M; and their areas in square pixels.
    """
    most = max(one[0].shape[1], other[0].shape[1])
    wide = [np.pad(a, ((0, 0), (0, most - a.shape[1]), (0, 0), (0, 0))) for a, _ in (one, other)]
    return np.concatenate(wide), np.concatenate([one[1], other[1]])
