"""Predict on a video: a drawn video, and a line a frame."""

import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from kpplugins.formats.frames.frame_log import SUFFIX, FrameLog, head_of
from kpplugins.formats.frames.outputs import write_outputs
from kpplugins.inference.live.follower import Follower
from kpplugins.inference.live.pipeline import Pipeline
from kpplugins.inference.live.recorder import Recorder
from kpplugins.inference.live.run_report import RunReport
from kpplugins.inference.live.run_settings import RunSettings
from kpplugins.inference.video.frame import Frame
from kpplugins.inference.video.video_reader import VideoReader
from kpplugins.structures import IncompleteInputError
from kpplugins.visualization.draw import draw_pose

if TYPE_CHECKING:
    from kpplugins.inference.pose_result import PoseResult
    from kpplugins.inference.predictor import Predictor

logger = logging.getLogger(__name__)


def predict_video(predictor: "Predictor", file: Path, name: str, settings: RunSettings) -> RunReport:
    """Draw what is found in each frame of a video, and write it as a line of ``NAME.jsonl`` as soon as it is found.

    However the run ends, the frames until then are kept, in all formats. Of a video of which frames cannot be decoded,
    the others are used, which is among the report's faults.

    Args:
        predictor: of any kind of model.
        file: the video.
        name: of the results, without ending.
        settings: where to and how.

    Returns:
        What came of it.

    Raises:
        BadInputError: the video cannot be opened, a result cannot be written, or predictions are not finite.
    """
    video = VideoReader(file, settings.max_frames)
    settings.require_boxes_in(video.size, str(file))
    report, begun = RunReport(), time.perf_counter()
    width, height = video.size
    head = head_of(
        predictor.schema,
        str(file),
        "video",
        width=width,
        height=height,
        fps=video.fps,
        frame_count=video.frame_count,
    )
    follow = Follower(predictor, settings, video.fps)
    sinks = VideoSinks(settings, name, head, Recorder(settings.out / f"{name}.mp4", video.size, video.fps))

    def predict(frame: Frame) -> tuple[Frame, "PoseResult"]:
        return frame, follow(frame)

    def draw(found: tuple[Frame, "PoseResult"]) -> tuple[Frame, "PoseResult", np.ndarray]:
        frame, result = found
        return (
            frame,
            result,
            draw_pose(frame.image, result, predictor.schema, settings.score_thr, radii=settings.radii),
        )

    bar = tqdm(total=video.wanted, desc=file.name, unit="frame", leave=False, disable=None)
    try:
        with logging_redirect_tqdm(), bar, Pipeline(video, [predict, draw]) as pipeline:
            for frame, result, drawn in pipeline:
                sinks.add(frame, result, drawn)
                bar.update()
        sinks.log.close(missing=video.missing)
    finally:
        report.frames = sinks.log.frames
        report.written = sinks.close()
        report.notes = [f"{file.name}: {note}" for note in follow.notes]
        report.seconds = time.perf_counter() - begun
        if sys.exc_info()[0] is not None:
            logger.warning("ended early: %s", report.words)
    try:
        video.require_whole()
    except IncompleteInputError as fault:
        report.faults.append(fault)
        logger.warning("%s; these are kept", fault)
    return report


class VideoSinks:
    """Where the frames of a video or camera go: a line each, perhaps a drawn video, and the final formats.

    Args:
        settings: ``out`` and ``formats`` matter here.
        name: of the files, without ending.
        head: first line, see ``frame_log.head_of``.
        recorder: of the drawn frames; ``None`` for none.
    """

    def __init__(
        self, settings: RunSettings, name: str, head: dict[str, Any], recorder: Recorder | None = None
    ) -> None:
        self.settings, self.recorder = settings, recorder
        self.log = FrameLog(settings.out / f"{name}{SUFFIX}", head)

    def add(self, frame: Frame, result: "PoseResult", drawn: np.ndarray) -> None:
        """Write a frame.

        Args:
            frame: the frame.
            result: what was found in it.
            drawn: (H, W, 3) BGR.

        Raises:
            BadInputError: it cannot be written.
        """
        instances = result.to_dict()["instances"]
        self.log.add({"frame": frame.index, "time": round(frame.time, 6), "instances": instances})
        if self.recorder is not None:
            self.recorder.write(drawn, frame.time)

    def close(self) -> list[Path]:
        """Finish all files; those without a frame are removed.

        Returns:
            The files.

        Raises:
            BadInputError: one of them cannot be written.
        """
        self.log.abandon()
        if not self.log.frames:
            self.log.path.unlink(missing_ok=True)
            if self.recorder is not None:
                self.recorder.close()
            return []
        written = []
        try:
            if self.recorder is not None:
                self.recorder.close()
                written.append(self.recorder.path)
        finally:  # a video that is not whole does not cost the results
            written += [self.log.path, *write_outputs(self.log.path, self.settings.formats)]
        return written
