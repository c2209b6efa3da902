"""A video file of drawn frames."""

import shutil
from pathlib import Path

import cv2
import numpy as np

from kpplugins.structures import BadInputError
from kpplugins.structures.machine_error import MachineError

RATE = 25.0
"""Frames per second where the source does not say."""
_CODECS = {".mp4": "mp4v", ".webm": "VP80"}
"""How the frames are encoded, by the file's ending; browsers play WebM, but writing it takes longer."""
_CHECK_EVERY, _LEAST_FREE = 50, 1 << 20
"""Frames after which the room on the disk is looked at, and the bytes that must be left."""


class Recorder:
    """Writes an MP4 or WebM file; every frame, or by their times, so that what came irregularly plays at its own pace.

    OpenCV does not say when a disk is full: the room is looked at now and then, and ``close`` opens what was written
    and counts.

    Args:
        path: the file, which ends in ``.mp4`` or ``.webm``.
        size: width and height in pixels; frames of another size are resized.
        fps: of the file; ``None`` takes ``RATE``.
        by_time: frames are repeated or left out according to their times.

    Attributes:
        path: the file.
        written: the number of frames in it.

    Raises:
        BadInputError: it cannot be written.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], fps: float | None = None, by_time: bool = False
    ) -> None:
        self.path, self.size, self.fps, self.by_time = path, size, fps or RATE, by_time
        self.written, self._begun = 0, 0.0
        path.parent.mkdir(parents=True, exist_ok=True)
        codec = cv2.VideoWriter.fourcc(*_CODECS[path.suffix])
        self._writer = cv2.VideoWriter(str(path), codec, self.fps, size)
        if not self._writer.isOpened():
            raise BadInputError(
                "cannot be written", where=str(path), todo="is the disk full, the folder writable?"
            )

    def write(self, image: np.ndarray, time: float) -> None:
        """Add a frame.

        Args:
            image: (H, W, 3) BGR.
            time: seconds, not less than that of the frame before.

        Raises:
            MachineError: the disk is full.
        """
        self._begun = time if not self.written else self._begun
        times = 1
        if self.by_time:
            times = max(0, round((time - self._begun) * self.fps) + 1 - self.written)
        if image.shape[1::-1] != self.size:
            image = cv2.resize(image, self.size)
        for _ in range(times):
            if self.written % _CHECK_EVERY == 0 and shutil.disk_usage(self.path.parent).free < _LEAST_FREE:
                raise self._full()
            self._writer.write(image)
            self.written += 1

    def close(self) -> None:
        """Finish the file.

        Raises:
            MachineError: not all of it is on the disk.
        """
        self._writer.release()
        if not self.written:
            self.path.unlink(missing_ok=True)
            return
        capture = cv2.VideoCapture(str(self.path))
        kept = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.release()
        if kept < self.written:
            raise self._full(f"{kept} of {self.written} frames")

    def _full(self, found: str = "") -> MachineError:
        return MachineError(
            "video cannot be written further: no room on the disk", where=str(self.path), found=found,
            todo="make room, or give another --out",
        )  # fmt: skip
