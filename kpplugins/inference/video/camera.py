"""The newest frame of a camera, a stream, or a video that plays like a camera."""

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from kpplugins.inference.video.frame import Frame
from kpplugins.inference.video.opening import ADDRESS, open_capture, shown_address
from kpplugins.structures import BadInputError, IncompleteInputError

logger = logging.getLogger(__name__)
_LONGEST_WAIT = 8.0
"""Seconds between two tries to connect again, at most; it starts at ``first_wait`` and doubles."""


class Camera:
    """Captures in a thread of its own and keeps only the newest frame, so that whoever is slow sees no old ones.

    A camera or stream that stops or stalls is opened again, with growing pauses. A video file plays at its own rate,
    and ends.

    Args:
        source: the number or the device of a camera, an address (``rtsp://``, ``http://``, …), or a video file.
        timeout: seconds without a frame after which it counts as stalled.
        retries: how often it is opened again before it is given up.
        first_wait: seconds before it is opened again for the first time.

    Attributes:
        name: the source as it may be shown, without a password.
        size: width and height in pixels.
        fps: frames per second that the source states; ``None`` if it does not.
        captured: how many frames have come.
        taken: how many of them were asked for.
        reconnected: how often it was opened again.

    Raises:
        BadInputError: it cannot be opened.
    """

    def __init__(
        self, source: str, *, timeout: float = 10.0, retries: int = 6, first_wait: float = 0.5
    ) -> None:
        self.source, self.name = source, shown_address(source)
        self.timeout, self.retries, self.first_wait = timeout, retries, first_wait
        self.captured = self.taken = self.reconnected = 0
        self.is_file = not ADDRESS.match(source) and not source.isdigit() and Path(source).is_file()
        self._newest: Frame | None = None
        self._change = threading.Condition()
        self._closed = self._over = False
        self._started: float | None = None
        self._thread: threading.Thread | None = None
        self._tries = 0
        """How often it was opened again since the last frame."""
        capture = open_capture(source, timeout)
        width, height = (capture.get(p) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        self.size = (int(width), int(height))
        rate = capture.get(cv2.CAP_PROP_FPS)
        self.fps = rate if 1 <= rate <= 1000 else None
        self._start(capture)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the newest frame, each once, waiting for it where it has not come yet.

        Yields:
            The frames, until a video file ends or the camera is closed.

        Raises:
            IncompleteInputError: the camera or stream is gone and could not be opened again.
        """
        while True:
            with self._change:
                there = self._change.wait_for(
                    lambda: self._newest is not None or self._over or self._closed,
                    None if self.is_file else self.timeout,
                )
                frame, self._newest = self._newest, None
                closed, over = self._closed, self._over
            if closed or (over and frame is None and self.is_file):
                return
            if frame is not None:
                self.taken, self._tries = self.taken + 1, 0
                yield frame
            elif over or not there:
                self._reconnect("ended" if over else f"sent nothing for {self.timeout:g} s")

    def close(self) -> None:
        """Let the camera go; whoever waits for a frame gets none any more."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join(self.timeout)

    def _start(self, capture: cv2.VideoCapture) -> None:
        self._over = False
        self._thread = threading.Thread(target=self._run, args=(capture,), name="camera", daemon=True)
        self._thread.start()

    def _run(self, capture: cv2.VideoCapture) -> None:
        """Read frames until there are no more, or another thread has taken this one's place."""
        begun, me = time.perf_counter(), threading.current_thread()
        try:
            while not self._closed and me is self._thread:
                more, image = capture.read()
                if not more:
                    break
                if self.is_file and not self._wait_until(begun + capture.get(cv2.CAP_PROP_POS_MSEC) / 1000):
                    break
                self._keep(image, me)
        finally:
            capture.release()
            with self._change:
                if me is self._thread:
                    self._over = True
                    self._change.notify_all()

    def _keep(self, image: np.ndarray, me: threading.Thread) -> None:
        now = time.perf_counter()
        with self._change:
            if me is not self._thread:
                return
            self._started = now if self._started is None else self._started
            self._newest = Frame(self.captured, image, now - self._started, now)
            self.captured += 1
            self._change.notify_all()

    def _wait_until(self, due: float) -> bool:
        """Wait for the time at which a video shows its next frame; tell whether to go on."""
        with self._change:
            self._change.wait_for(lambda: self._closed, max(0.0, due - time.perf_counter()))
            return not self._closed

    def _reconnect(self, why: str) -> None:
        """Open the source again, with growing pauses.

        Raises:
            IncompleteInputError: it could not be opened.
        """
        logger.warning("%s %s; connecting again", self.name, why)
        begun, before, self._thread = time.perf_counter(), self._thread, None
        if before is not None:
            before.join(self.first_wait)  # one that still hangs in a read is not listened to any more
        while self._tries < self.retries:
            wait = min(self.first_wait * 2**self._tries, _LONGEST_WAIT)
            self._tries += 1
            with self._change:
                if self._change.wait_for(lambda: self._closed, wait):
                    return
            try:
                capture = open_capture(self.source, self.timeout)
            except BadInputError:
                continue
            self.reconnected += 1
            logger.warning("%s is back after %.1f s", self.name, time.perf_counter() - begun)
            self._start(capture)
            return
        raise IncompleteInputError(
            f"{self.name} {why} and did not come back in {self.retries} tries", where="--webcam",
            found=f"{self.taken} frames before that, which are kept", todo="check its cable, power and network",
        )  # fmt: skip
