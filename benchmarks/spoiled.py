"""Spoil labels in five ways, by a seed, to measure what finds them again."""

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kpplugins.data import PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.structures.geometry import box_area

WAYS = ("keypoint moved", "sides exchanged", "wrong instance", "keypoint missing", "box")
_MOVED = (0.02, 0.3)
"""By how much a keypoint is moved, in square roots of its box's area."""
_SHIFTED, _SCALED = (0.25, 0.6), (1.5, 2.5)
"""A box is moved by so many of its sides, or made so many times larger or smaller."""


@dataclass(frozen=True)
class Spoiled:
    """One label that was spoiled.

    Attributes:
        instance: its index in the records.
        way: of ``WAYS``.
        keypoint: the one that was moved or is missing, else ``None``.
        moved: by how much, in square roots of the area of its box.
    """

    instance: int
    way: str
    keypoint: int | None = None
    moved: float = 0.0


def spoil(reading: AnnotationSet, share: float, seed: int) -> tuple[AnnotationSet, list[Spoiled]]:
    """Spoil a share of the instances, a fifth of them in each way that is possible here.

    Args:
        reading: good labels, which are not changed.
        share: of the instances with two or more keypoints.
        seed: of all choices.

    Returns:
        The labels with the spoiled ones among them, and which these are.
    """
    generator = np.random.default_rng(seed)
    usable = [i for i, r in enumerate(reading.records) if not r.crowd and r.num_labelled >= 2]
    chosen = generator.permutation(usable)[: max(len(WAYS), round(share * len(usable)))].tolist()
    ways = [way for way in WAYS if way != "sides exchanged" or reading.schema.flip_pairs]
    records, found = list(reading.records), []
    for place, i in enumerate(chosen):
        way = ways[place % len(ways)]
        records[i], told = _SPOILERS[way](reading, i, set(chosen), generator)
        found.append(told)
    return replace(reading, records=records), found


def _keypoint(record: PoseRecord, generator: np.random.Generator) -> int:
    return int(generator.choice(np.flatnonzero(record.keypoints[:, 2] > 0)))


def _with(record: PoseRecord, keypoints: np.ndarray) -> PoseRecord:
    return replace(record, keypoints=keypoints)


def _moved(
    reading: AnnotationSet, i: int, _: set[int], generator: np.random.Generator
) -> tuple[PoseRecord, Spoiled]:
    """Move a keypoint, in any direction that does not lead out of the image."""
    record = reading.records[i]
    k, share = _keypoint(record, generator), float(generator.uniform(*_MOVED))
    size, keypoints = np.sqrt(box_area(record.bbox)), record.keypoints.copy()
    limits = np.array([record.width, record.height]) - 1
    for _try in range(100):
        angle = generator.uniform(0, 2 * np.pi)
        place = record.keypoints[k, :2] + share * size * np.array([np.cos(angle), np.sin(angle)])
        if (place >= 0).all() and (place <= limits).all():
            keypoints[k, :2] = place
            return _with(record, keypoints), Spoiled(i, WAYS[0], k, share)
    return record, Spoiled(i, WAYS[0], k, 0.0)


def _exchanged(
    reading: AnnotationSet, i: int, _: set[int], generator: np.random.Generator
) -> tuple[PoseRecord, Spoiled]:
    """Exchange left and right throughout, or of one pair that is labelled."""
    record, flips = reading.records[i], np.array(reading.schema.flip_indices)
    labelled = record.keypoints[:, 2] > 0
    pairs = [k for k in np.flatnonzero(flips > np.arange(len(flips))) if labelled[k] or labelled[flips[k]]]
    order = flips
    if len(pairs) > 1 and generator.random() < 0.5:
        order, k = np.arange(len(flips)), int(generator.choice(pairs))
        order[[k, flips[k]]] = flips[k], k
    return _with(record, record.keypoints[order]), Spoiled(i, WAYS[1])


def _wrong_instance(
    reading: AnnotationSet, i: int, chosen: set[int], generator: np.random.Generator
) -> tuple[PoseRecord, Spoiled]:
    """Give the box the keypoints of another instance: of the same image where it has one, else of another image."""
    record = reading.records[i]
    by_image: dict[Path, list[int]] = defaultdict(list)
    for j, other in enumerate(reading.records):
        if j != i and other.num_labelled >= 2 and not other.crowd:
            by_image[other.image].append(j)
    here = by_image.get(record.image, [])
    alike = [
        j for some in by_image.values() for j in some
        if (reading.records[j].width, reading.records[j].height) == (record.width, record.height)
    ]  # fmt: skip
    j = int(generator.choice(here or [j for j in alike if j not in chosen] or [i]))
    return _with(record, reading.records[j].keypoints.copy()), Spoiled(i, WAYS[2])


def _missing(
    reading: AnnotationSet, i: int, _: set[int], generator: np.random.Generator
) -> tuple[PoseRecord, Spoiled]:
    record = reading.records[i]
    k, keypoints = _keypoint(record, generator), record.keypoints.copy()
    keypoints[k] = 0
    return _with(record, keypoints), Spoiled(i, WAYS[3], k)


def _box(
    reading: AnnotationSet, i: int, _: set[int], generator: np.random.Generator
) -> tuple[PoseRecord, Spoiled]:
    """Move the box, or change its size, within the image."""
    record = reading.records[i]
    low, high = record.bbox[:2].copy(), record.bbox[2:].copy()
    if generator.random() < 0.5:
        shift = generator.uniform(*_SHIFTED, 2) * generator.choice([-1, 1], 2) * (high - low)
        low, high = low + shift, high + shift
    else:
        times = generator.uniform(*_SCALED) ** generator.choice([-1, 1])
        centre, half = (low + high) / 2, (high - low) / 2 * times
        low, high = centre - half, centre + half
    limits = np.array([record.width, record.height], float)
    box = np.concatenate([np.clip(low, 0, limits), np.clip(high, 0, limits)])
    if (box[2:] - box[:2]).min() < 2:
        box = record.bbox
    return replace(record, bbox=box, rules=()), Spoiled(i, WAYS[4])


_SPOILERS = dict(zip(WAYS, (_moved, _exchanged, _wrong_instance, _missing, _box), strict=True))
