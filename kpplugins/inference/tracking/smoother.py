"""Keypoints that do not tremble, by the one-euro filter."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from kpplugins.inference.tracking.one_euro import one_euro_step

if TYPE_CHECKING:
    from kpplugins.inference.pose_result import PoseResult

_FORGET = 0.5
"""Seconds after which a keypoint that was not seen starts anew."""
_SAME = 0.3
"""Least overlap (IoU) of the boxes of an instance in two frames, where no track ids say which it is."""


@dataclass
class _Track:
    """The state of one instance's K keypoints."""

    box: np.ndarray
    points: np.ndarray
    speed: np.ndarray
    seen: np.ndarray
    """(K,) when each keypoint was last seen, in seconds; minus infinity before."""
    raw: list[np.ndarray] = field(default_factory=list)
    smooth: list[np.ndarray] = field(default_factory=list)


class Smoother:
    """Smooths each keypoint of each instance over time, and measures how much it trembles before and after.

    Instances are told apart by their track ids; without these, by the overlap of their boxes with those of the frame
    before. Keypoints that are not there stay as they are and do not count. Speeds are taken in sides of the instance
    (the mean of its box's), so that the same settings suit any size of image and animal.

    Args:
        score_thr: see ``PoseResult.there``.
        min_cutoff: Hz; the lower, the smoother is what stands still.
        beta: Hz for each side of the instance a second; the higher, the less does what moves lag behind.
    """

    def __init__(self, score_thr: float | None = None, min_cutoff: float = 1.0, beta: float = 20.0) -> None:
        self.score_thr, self.min_cutoff, self.beta = score_thr, min_cutoff, beta
        self._tracks: dict[int, _Track] = {}
        self._next = 0
        self._sums = np.zeros(3)
        """Of second differences before and after, and their number."""
        self._moved = np.zeros(2)

    def __call__(self, result: "PoseResult", time: float) -> "PoseResult":
        """Smooth the keypoints of the next frame.

        Args:
            result: N instances.
            time: of the frame in seconds.

        Returns:
            The same instances with smoothed keypoints.
        """
        points = result.keypoints.astype(np.float64)
        numbers, kept, there = self._numbers(result), {}, result.there(self.score_thr)
        for i, number in enumerate(numbers):
            track = self._tracks.get(number)
            if track is None:
                k, box = len(points[i]), result.boxes[i]
                track = _Track(box, points[i].copy(), np.zeros((k, 2)), np.full(k, -np.inf))
            points[i] = self._step(track, points[i], there[i], result.boxes[i], time)
            kept[number] = track
        recent = {n: t for n, t in self._tracks.items() if n not in kept and t.seen.max() > time - _FORGET}
        self._tracks = recent | kept
        return replace(result, keypoints=points)

    @property
    def jitter(self) -> tuple[float, float]:
        """Return the mean second difference of keypoints from frame to frame in pixels, before and after; 0 if unknown.

        It is 0 for what stands still or moves evenly.
        """
        before, after, number = self._sums
        return float(before / max(number, 1)), float(after / max(number, 1))

    @property
    def moved(self) -> float:
        """Return the mean distance in pixels by which keypoints were moved."""
        return float(self._moved[0] / max(self._moved[1], 1))

    def _numbers(self, result: "PoseResult") -> list[int]:
        """Return which instance each one is."""
        ids = result.track_ids if result.track_ids is not None else np.full(len(result.boxes), -1)
        numbers, free = [int(i) for i in ids], {n: t.box for n, t in self._tracks.items() if n < 0}
        for i, number in enumerate(numbers):
            if number >= 0:
                continue
            overlaps = {n: _overlap(result.boxes[i], box) for n, box in free.items()}
            best = max(overlaps, key=overlaps.__getitem__, default=None)
            if best is not None and overlaps[best] >= _SAME:
                del free[best]
                numbers[i] = best
            else:
                self._next -= 1  # below 0, as track ids are not
                numbers[i] = self._next
        return numbers

    def _step(
        self, track: _Track, raw: np.ndarray, sure: np.ndarray, box: np.ndarray, time: float
    ) -> np.ndarray:
        """Return the filtered keypoints of one instance, and bring its track up to date."""
        known = sure & (time - track.seen < _FORGET) & (time > track.seen)
        out = raw.copy()
        side = max(float((box[2:] - box[:2]).mean()), 1.0)
        for elapsed in np.unique(time - track.seen[known]):
            now = known & (time - track.seen == elapsed)
            out[now], track.speed[now] = one_euro_step(
                track.points[now], track.speed[now], raw[now], float(elapsed),
                min_cutoff=self.min_cutoff, beta=self.beta / side, speed_cutoff=1.0,
            )  # fmt: skip
        track.speed[sure & ~known] = 0
        track.points[sure], track.seen[sure], track.box = out[sure], time, box
        self._measure(track, np.where(sure[:, None], raw, np.nan), np.where(sure[:, None], out, np.nan))
        return out

    def _measure(self, track: _Track, raw: np.ndarray, out: np.ndarray) -> None:
        track.raw, track.smooth = [*track.raw[-2:], raw], [*track.smooth[-2:], out]
        moved = np.linalg.norm(out - raw, axis=1)
        self._moved += np.nansum(moved), np.isfinite(moved).sum()
        if len(track.raw) < 3:
            return
        bends = [np.linalg.norm(a - 2 * b + c, axis=1) for a, b, c in (track.raw, track.smooth)]
        self._sums += np.nansum(bends[0]), np.nansum(bends[1]), np.isfinite(bends[0]).sum()


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the IoU of two boxes (4,) xyxy."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = float(np.prod(np.clip(sides, 0, None)))
    whole = float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2])) - shared
    return shared / whole if whole > 0 else 0.0
