"""How good pre-labels were: what a model had predicted, against what people made of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kpplugins.data import PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.structures.geometry import box_area
from kpplugins.visualization.table import markdown_table

SAME = 0.05
"""Pixels up to which a keypoint was left alone: tools round what they write to 0.005 px or finer."""
_NEAR, _OVERLAP = 0.5, 0.3
"""Instances are the same up to this mean distance of their keypoints, in root areas of the box, or from this IoU."""


@dataclass
class Moves:
    """What became of the predictions of one keypoint.

    Attributes:
        distances: in pixels, of each that is still labelled.
        removed: how often it was taken away.
        added: how often somebody labelled it where it was not predicted.
        restated: how often it stayed, and another visibility was given.
    """

    distances: list[float] = field(default_factory=list)
    removed: int = 0
    added: int = 0
    restated: int = 0

    def __iadd__(self, other: "Moves") -> "Moves":
        """Add what became of others."""
        self.distances += other.distances
        self.removed += other.removed
        self.added += other.added
        self.restated += other.restated
        return self

    def numbers(self) -> dict[str, Any]:
        """Return counts, the share that was left alone, and how far the others were moved.

        Returns:
            ``predicted``, ``left alone`` (a share), ``moved``, ``removed``, ``added``, ``visibility changed``; ``mean
            move px`` and ``median move px`` of those that were moved, ``mean error px`` of all that stayed; ``None``
            where there is none.
        """
        distances = np.array(self.distances)
        moved = distances[distances > SAME]
        predicted = len(distances) + self.removed
        return {
            "predicted": predicted,
            "left alone": round((len(distances) - len(moved)) / predicted, 4) if predicted else None,
            "moved": len(moved), "removed": self.removed, "added": self.added,
            "visibility changed": self.restated,
            "mean move px": _rounded(np.mean, moved), "median move px": _rounded(np.median, moved),
            "mean error px": _rounded(np.mean, distances),
        }  # fmt: skip


def correction_report(readings: Sequence[AnnotationSet]) -> dict[str, Any] | None:
    """Compare predictions with the labels that people made of them.

    In an image that was predicted, a predicted and a labelled instance belong together if their boxes overlap or their
    keypoints are near; the nearest pairs first. A file does not say whether anybody has looked at what was left alone.

    Args:
        readings: sources, each with its own keypoints.

    Returns:
        ``images``, ``instances`` (predicted, kept, removed, added), ``keypoints`` (see ``Moves.numbers``) and
        ``per_keypoint`` (the same by name); ``None`` if nothing had been predicted.
    """
    if not any(reading.predicted for reading in readings):
        return None
    moves: dict[str, Moves] = {}
    counts = dict.fromkeys(("images", "predicted", "kept", "removed", "added"), 0)
    for reading in readings:
        names = reading.schema.keypoints
        for before, after in _images(reading):
            counts["images"] += 1
            pairs = _matched(before, after)
            counts["predicted"] += len(before)
            counts["kept"] += len(pairs)
            counts["removed"] += len(before) - len(pairs)
            counts["added"] += len(after) - len(pairs)
            for name, found in _moves(before, after, pairs, names):
                total = moves.setdefault(name, Moves())
                total += found
    everything = Moves()
    for found in moves.values():
        everything += found
    images = counts.pop("images")
    return {
        "images": images, "instances": counts, "keypoints": everything.numbers(),
        "per_keypoint": {name: found.numbers() for name, found in moves.items()},
    }  # fmt: skip


def correction_words(report: dict[str, Any]) -> str:
    """Say how good pre-labels were.

    Args:
        report: from ``correction_report``.

    Returns:
        A sentence, and a table by keypoint.
    """
    instances, points = report["instances"], report["keypoints"]
    line = (
        f"pre-labels: {report['images']} images, {instances['predicted']} instances: {instances['kept']} kept, "
        f"{instances['removed']} removed, {instances['added']} added by hand; {points['predicted']} keypoints: "
        f"{_share(points['left alone'])} left alone, {points['moved']} moved"
    )
    if points["moved"]:
        line += f" by {points['mean move px']:.1f} px in the mean (median {points['median move px']:.1f})"
    line += f", {points['removed']} removed, {points['added']} added"
    header = ["keypoint", "predicted", "left alone", "moved", "mean move px", "removed", "added"]
    rows = [
        [name, n["predicted"], _share(n["left alone"]), n["moved"], _number(n["mean move px"]), n["removed"],
         n["added"]]
        for name, n in report["per_keypoint"].items()
    ]  # fmt: skip
    return f"{line}\n{markdown_table(header, rows)}"


def _images(reading: AnnotationSet) -> Iterator[tuple[list[PoseRecord], list[PoseRecord]]]:
    """Yield what was predicted in each image and what is labelled there."""
    labelled: dict[Any, list[PoseRecord]] = {}
    for record in reading.records:
        if not record.crowd:
            labelled.setdefault(record.image, []).append(record)
    for path, before in reading.predicted.items():
        yield before, labelled.get(path, [])


def _matched(before: Sequence[PoseRecord], after: Sequence[PoseRecord]) -> list[tuple[int, int]]:
    """Pair instances, the nearest first; each is in one pair at most."""
    costs = sorted(
        (cost, i, j)
        for i, one in enumerate(before)
        for j, other in enumerate(after)
        if (cost := _cost(one, other)) is not None
    )
    pairs: list[tuple[int, int]] = []
    for _, i, j in costs:
        if all(i != a and j != b for a, b in pairs):
            pairs.append((i, j))
    return pairs


def _cost(one: PoseRecord, other: PoseRecord) -> float | None:
    """Tell how unlike two instances are, from 0; ``None`` if they are two."""
    both = (one.keypoints[:, 2] > 0) & (other.keypoints[:, 2] > 0)
    shared = np.linalg.norm(one.keypoints[both, :2] - other.keypoints[both, :2], axis=1)
    distance = float(shared.mean() / np.sqrt(box_area(one.bbox))) if both.any() else np.inf
    low, high = np.maximum(one.bbox[:2], other.bbox[:2]), np.minimum(one.bbox[2:], other.bbox[2:])
    common = float(np.prod(np.maximum(high - low, 0)))
    overlap = common / (box_area(one.bbox) + box_area(other.bbox) - common)
    if distance > _NEAR and overlap < _OVERLAP:
        return None
    return min(distance, 1 - overlap)


def _moves(
    before: Sequence[PoseRecord], after: Sequence[PoseRecord], pairs: Sequence[tuple[int, int]], names: Sequence[str]
) -> Iterator[tuple[str, Moves]]:  # fmt: skip
    """Yield what became of each keypoint of each instance; of one that was removed or added, of all its keypoints."""
    absent = np.zeros((len(names), 3))
    gone = set(range(len(before))) - {i for i, _ in pairs}
    new = set(range(len(after))) - {j for _, j in pairs}
    couples = [(before[i].keypoints, after[j].keypoints) for i, j in pairs]
    couples += [(before[i].keypoints, absent) for i in gone] + [(absent, after[j].keypoints) for j in new]
    for first, second in couples:
        for name, (x, y, v), (a, b, w) in zip(names, first.tolist(), second.tolist(), strict=True):
            if v and w:
                yield name, Moves([float(np.hypot(a - x, b - y))], restated=int(v != w))
            elif v or w:
                yield name, Moves(removed=int(v > 0), added=int(w > 0))


def _rounded(mean: Any, values: np.ndarray) -> float | None:
    return round(float(mean(values)), 3) if len(values) else None


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
