"""Frames of a video file, and what is missing of them."""

import math
import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from kpplugins.compat.pixel_limit import LIMIT_NAME, most_pixels
from kpplugins.inference.video.frame import Frame
from kpplugins.structures import BadInputError, IncompleteInputError

_ESTIMATED = (".mkv", ".webm")
"""Containers without a count of frames; OpenCV multiplies the duration by the rate."""
_TOLERANCE = 0.01
"""Fraction of an estimated duration, at least two mean distances of frames, that may be missing at its end."""
_FAILURES = 10_000
"""Frames in a row that cannot be decoded after which the rest is given up."""


class VideoReader:
    """Reads the frames of a video file in order, and goes on after one that cannot be decoded.

    Args:
        file: the video.
        max_frames: read at most so many frames.

    Attributes:
        size: width and height in pixels.
        fps: frames per second; ``None`` if the file does not say.
        frame_count: the number of frames by the file; ``None`` if it does not say.
        read: how many frames have been decoded.
        duration: seconds by the file; ``None`` if it does not say.

    Raises:
        BadInputError: the file cannot be opened as a video, or ``max_frames`` is not positive.
    """

    def __init__(self, file: str | Path, max_frames: int | None = None) -> None:
        if max_frames is not None and max_frames < 1:
            raise BadInputError(
                "not a number of frames", where="--max-frames", expected="≥ 1", found=str(max_frames)
            )
        self.file, self.max_frames, self.read, self.ended = Path(file), max_frames, 0, False
        self._last = 0.0
        self._capture = cv2.VideoCapture(str(file))
        width, height = (self._number(p) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if not self._capture.isOpened() or not width or not height:
            raise BadInputError("video cannot be decoded", where=str(file), todo="convert it to MP4 (H.264)")
        if width * height > most_pixels():
            raise BadInputError(
                "video has too many pixels", where=str(file), expected=f"at most {most_pixels():,} a frame",
                found=f"{width:g}×{height:g}", todo=f"scale it down, or set {LIMIT_NAME} in the environment",
            )  # fmt: skip
        self.size = (int(width), int(height))
        self.fps = self._number(cv2.CAP_PROP_FPS)
        count = self._number(cv2.CAP_PROP_FRAME_COUNT)
        self.frame_count = None if count is None else round(count)
        self.duration = count / self.fps if count and self.fps else None

    def __iter__(self) -> Iterator[Frame]:
        """Yield each frame with its index from 0 and its time, which is that of the container.

        Frames that cannot be decoded are left out and keep their index.
        """
        index = failures = 0
        try:
            while self.max_frames is None or index < self.max_frames:
                more, image = self._capture.read()
                if more:
                    self.read, failures = self.read + 1, 0
                    yield Frame(index, image, self._time(index), time.perf_counter())
                elif index + 1 >= (self.frame_count or 0) or failures >= _FAILURES:
                    self.ended = True
                    return
                else:
                    failures += 1
                index += 1
        finally:
            self._capture.release()

    def _time(self, index: int) -> float:
        """Return when the frame that was just read is shown, in seconds; never before an earlier one."""
        stated = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if not math.isfinite(stated) or stated < self._last or (index and not stated):
            stated = max(self._last, index / (self.fps or 25.0))
        self._last = stated
        return stated

    @property
    def wanted(self) -> int | None:
        """Return how many frames should be read: those of the file, or ``max_frames``; ``None`` if unknown."""
        numbers = [n for n in (self.frame_count, self.max_frames) if n is not None]
        return min(numbers) if self.frame_count is not None else None

    @property
    def missing(self) -> int:
        """Return how many frames could not be decoded, after all were asked for."""
        if self.wanted is None:
            return 1 if self.ended and self.read == 0 else 0
        missing = max(0, self.wanted - self.read)
        return 0 if missing and self._is_over() else missing

    def _is_over(self) -> bool:
        """Tell whether the last frame stands at the end, by the clock, of a file whose count is an estimate."""
        if self.file.suffix.lower() not in _ESTIMATED or not self.duration or self.read < 2:
            return False
        left = self.duration - self._last
        return left <= max(2 * self._last / (self.read - 1), _TOLERANCE * self.duration)

    def require_whole(self) -> None:
        """Raise if frames are missing.

        Raises:
            IncompleteInputError: how many of how many frames could be read.
        """
        if self.missing:
            raise IncompleteInputError(
                f"only {self.read} of {self.wanted or 'an unknown number of'} frames could be read",
                where=str(self.file), found="a damaged or unfinished video",
                todo="repair or convert it (ffmpeg -i VIDEO new.mp4), or accept it with --skip-bad",
            )  # fmt: skip

    def _number(self, key: int) -> float | None:
        """Return a property of the video; ``None`` where the file does not state it."""
        value = self._capture.get(key)
        return value if math.isfinite(value) and 0 < value < 1e9 else None
