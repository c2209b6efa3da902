"""The number of each instance in a video, by the package ``trackers``, an optional one."""

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from kpplugins.extras import cure
from kpplugins.structures import BadInputError
from kpplugins.structures.machine_error import MachineError

if TYPE_CHECKING:
    from kpplugins.inference.pose_result import PoseResult

KINDS: Mapping[str, str] = {"bytetrack": "ByteTrackTracker", "ocsort": "OCSORTTracker"}
"""The classes of ``trackers`` by the name that ``--track`` takes."""
NO_TRACK = -1
"""The id of an instance that belongs to no track: too unsure to begin one, or seen for the first time."""
_LONGEST_GAP = 1.0
"""Seconds for which an instance that is not seen keeps its number."""


def require_trackers(kind: str) -> None:
    """Make sure, before anything is predicted, that instances can be tracked.

    Args:
        kind: one of ``KINDS``.

    Raises:
        BadInputError: there is no such kind.
        MachineError: ``trackers`` is not installed.
    """
    if kind not in KINDS:
        raise BadInputError("unknown tracker", where="--track", expected=", ".join(KINDS), found=repr(kind))
    if find_spec("trackers") is None:
        raise MachineError("--track needs trackers, which is not installed", todo=cure("trackers"))


class Tracker:
    """Gives the same instance the same number in all frames.

    Args:
        kind: ``bytetrack`` or ``ocsort``.
        fps: frames per second of the video; of a camera about what the predictor reaches.
        least_score: least score of an instance that begins a track.

    Raises:
        BadInputError: see ``require_trackers``.
    """

    def __init__(self, kind: str = "bytetrack", fps: float | None = None, least_score: float = 0.3) -> None:
        require_trackers(kind)
        import trackers

        self.kind, self.least_score = kind, least_score
        rate = fps or 30.0
        options: dict[str, Any] = {
            "frame_rate": rate, "lost_track_buffer": round(30 * _LONGEST_GAP),  # counted in frames of 30 a second
            "minimum_consecutive_frames": 1, "high_conf_det_threshold": least_score,
        }  # fmt: skip
        if kind == "bytetrack":
            options["track_activation_threshold"] = least_score
        self._tracker = getattr(trackers, KINDS[kind])(**options)
        self._numbers: dict[int, int] = {}

    def __call__(self, result: "PoseResult") -> "PoseResult":
        """Number the instances of the next frame.

        Args:
            result: N instances; its boxes and scores are what is followed.

        Returns:
            The same instances with ``track_ids``, from 1 in the order in which they appeared; ``NO_TRACK`` for those
            that are too unsure, and in the frame in which a track begins.
        """
        import supervision

        n = len(result.boxes)
        found = supervision.Detections(
            xyxy=result.boxes.astype(np.float64).reshape(n, 4),
            confidence=result.instance_scores.astype(np.float64),
            data={"row": np.arange(n)},
        )
        tracked = self._tracker.update(found)
        ids = np.full(n, NO_TRACK)
        if len(tracked) and tracked.tracker_id is not None:
            for row, number in zip(tracked.data["row"], tracked.tracker_id, strict=True):
                if number >= 0:
                    ids[int(row)] = self._numbers.setdefault(int(number), len(self._numbers) + 1)
        return replace(result, track_ids=ids)
