"""Predict on a camera or a stream, as it goes: a window with keys, or a recording where there is no screen."""

import logging
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kpplugins.data.images import write_image
from kpplugins.formats.frames.frame_log import SUFFIX, head_of
from kpplugins.inference.live.follower import Follower
from kpplugins.inference.live.overlay import write_lines
from kpplugins.inference.live.pipeline import Pipeline
from kpplugins.inference.live.rate import Rate
from kpplugins.inference.live.recorder import Recorder
from kpplugins.inference.live.run_report import RunReport
from kpplugins.inference.live.run_settings import RunSettings
from kpplugins.inference.live.video_run import VideoSinks
from kpplugins.inference.live.window import Window
from kpplugins.inference.video.camera import Camera
from kpplugins.inference.video.frame import Frame
from kpplugins.inference.video.opening import ADDRESS
from kpplugins.visualization.draw import draw_pose

if TYPE_CHECKING:
    from kpplugins.inference.pose_result import PoseResult
    from kpplugins.inference.predictor import Predictor

logger = logging.getLogger(__name__)
_POLL = 0.01
"""Seconds for which a frame is waited for before the keys are looked at."""


class LiveRun:
    """Predicts on the newest frame of a camera, over and over, and shows or records what was found.

    The camera, the network, the drawing and the window each have a thread; the results of each frame are written as a
    line before it is shown. The keys of the window quit, pause, take a snapshot, record, and go to the next model.

    Args:
        models: predictors by name; the first one begins.
        camera: where the frames come from; it is closed at the end.
        settings: where to and how.
        window: shows the frames; ``None`` records them as ``NAME.mp4`` instead.

    Attributes:
        rate: frames per second and latency.
        paused: whether frames are left out for now.
        current: the index of the model at work.
    """

    def __init__(
        self,
        models: Sequence[tuple[str, "Predictor"]],
        camera: Camera,
        settings: RunSettings,
        window: Window | None = None,
    ) -> None:
        self.models, self.camera, self.settings, self.window = models, camera, settings, window
        self.rate, self.paused, self.current, self.quitting = Rate(), False, 0, False
        self.name = free_name(settings.out, camera.source)
        self._report = RunReport()
        self._followers: dict[int, Follower] = {}
        self._sinks: dict[int, VideoSinks] = {}
        self._recorder: Recorder | None = None
        if window is None:
            self._record()

    def run(self) -> RunReport:
        """Predict until the window is closed, the video ends, or ``max_frames`` were shown.

        Returns:
            What came of it.

        Raises:
            BadInputError: the camera is gone, a result cannot be written, or predictions are not finite. What was found
                until then is kept.
        """
        begun = time.perf_counter()
        try:
            with Pipeline(self._found(), [self._draw], depth=1) as pipeline:
                while not (
                    pipeline.finished or self.quitting or self.rate.frames == self.settings.max_frames
                ):
                    item = pipeline.take(_POLL)
                    if item is not None:
                        self._handle(*item)
                    if self.window is not None:
                        self._obey(self.window.pressed())
                self.camera.close()
        finally:
            self.camera.close()
            self._finish(time.perf_counter() - begun)
            if sys.exc_info()[0] is not None:
                logger.warning("ended early: %s", self._report.words)
        return self._report

    def _found(self) -> Iterator[tuple[int, Frame, "PoseResult"]]:
        last = -1
        for frame in self.camera:
            if self.paused:
                continue
            model = self.current
            if model != last:  # what it followed before is elsewhere by now
                self._followers[model] = Follower(self.models[model][1], self.settings, self.camera.fps)
                last = model
            yield model, frame, self._followers[model](frame)

    def _draw(self, found: tuple[int, Frame, "PoseResult"]) -> tuple[int, Frame, "PoseResult", np.ndarray]:
        model, frame, result = found
        boxes = (
            result.box_scores is not None or self.settings.track is not None
        )  # search windows would flicker
        schema = self.models[model][1].schema
        settings = self.settings
        drawn = draw_pose(frame.image, result, schema, settings.score_thr, boxes, settings.radii)
        return model, frame, result, drawn

    def _handle(self, model: int, frame: Frame, result: "PoseResult", drawn: np.ndarray) -> None:
        """Write, show and record one frame."""
        if model not in self._sinks:
            self._sinks[model] = self._sinks_of(model)
        self.rate.add(frame.captured, time.perf_counter())
        lines = [f"{self.rate.per_second:.1f} frames/s  {1000 * self.rate.latency:.0f} ms"]
        if len(self.models) > 1:
            lines.append(f"{model + 1}/{len(self.models)} {self.models[model][0]}")
        write_lines(drawn, lines, "REC" if self._recorder is not None and self.window is not None else "")
        self._shown = drawn
        if self.window is not None:
            self.window.show(drawn)
        self._sinks[model].add(frame, result, drawn)
        if self._recorder is not None:
            self._recorder.write(drawn, frame.time)

    def _sinks_of(self, model: int) -> VideoSinks:
        """Begin the file of a model's results; each has its own, as their keypoints may differ."""
        name, predictor = self.models[model]
        width, height = self.camera.size
        head = head_of(
            predictor.schema, self.camera.name, "live", width=width, height=height, fps=self.camera.fps
        )
        own = self.name if model == 0 else f"{self.name}_{model + 1}_{_plain(name)}"
        return VideoSinks(self.settings, own, head)

    def _obey(self, key: str) -> None:
        if key == "quit":
            self.quitting = True
        elif key == "pause":
            self.paused = not self.paused
        elif key in ("next", "previous"):
            self.current = (self.current + (1 if key == "next" else -1)) % len(self.models)
        elif key == "snapshot" and self.rate.frames:
            path = self._numbered("snapshot", ".jpg")
            write_image(path, self._shown)
            self._report.written.append(path)
            logger.info("snapshot %s", path)
        elif key == "record":
            self._record() if self._recorder is None else self._stop_recording()

    def _record(self) -> None:
        path = (
            self._numbered("record", ".mp4")
            if self.window is not None
            else self.settings.out / f"{self.name}.mp4"
        )
        self._recorder = Recorder(path, self.camera.size, self.camera.fps, by_time=True)
        logger.info("recording %s", path)

    def _stop_recording(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.close()
            self._report.written += [recorder.path] if recorder.written else []

    def _numbered(self, kind: str, ending: str) -> Path:
        number = 1
        while (path := self.settings.out / f"{self.name}_{kind}_{number}{ending}").exists():
            number += 1
        return path

    def _finish(self, seconds: float) -> None:
        """Close every file, and say what came of it."""
        report = self._report
        report.frames, report.seconds = self.rate.frames, seconds
        if self.window is not None:
            self.window.close()
        try:
            self._stop_recording()
        finally:
            for sinks in self._sinks.values():
                if sys.exc_info()[0] is None:
                    sinks.log.close()
                report.written += sinks.close()
        report.notes += [note for follower in self._followers.values() for note in follower.notes]
        if self.rate.frames:
            median, slow = self.rate.quantile(0.5), self.rate.quantile(0.95)
            report.notes.append(
                f"capture to drawn {1000 * median:.0f} ms, 95 % within {1000 * slow:.0f} ms; "
                f"{self.camera.captured} frames captured, {self.rate.frames} shown"
                + (f", connected again {self.camera.reconnected} times" if self.camera.reconnected else "")
            )


def free_name(out: Path, source: str) -> str:
    """Return a name for the results of a camera that no earlier ones have, for they cannot be made again.

    Args:
        out: the folder.
        source: of the camera.

    Returns:
        Such as ``camera_0``, ``stream``, ``clip``, or ``camera_0_2`` for the second one.
    """
    name = "stream" if ADDRESS.match(source) else _plain(Path(source).stem)
    name = f"camera_{source}" if source.isdigit() else name
    number, free = 1, name
    while any((out / f"{free}{ending}").exists() for ending in (".mp4", SUFFIX)):
        number += 1
        free = f"{name}_{number}"
    return free


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name) or "camera"
