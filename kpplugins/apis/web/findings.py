"""What the models found in the files of a visitor."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kpplugins.apis.web.pictures import SHOWN_SIDES, scaled_between
from kpplugins.apis.web.uploads import Upload
from kpplugins.data.images import read_image, write_image
from kpplugins.inference.live.follower import Follower
from kpplugins.inference.live.run_settings import RunSettings
from kpplugins.inference.pose_result import PoseResult
from kpplugins.inference.video.video_reader import VideoReader
from kpplugins.structures import BadInputError, IncompleteInputError

if TYPE_CHECKING:
    from kpplugins.inference.predictor import Predictor

MOST_FRAMES = 1500
"""Frames of a video that are looked at: a minute at 25 a second."""
_TELL_EVERY = 10
"""Frames of a video after which the page says how far it is."""


@dataclass
class Found:
    """What one model found in one file.

    Attributes:
        results: of the image, or of each frame.
        frames: the number of each in the video; 0 for an image.
        times: of each, in seconds.
        notes: what the visitor should know, such as frames that are missing.
        is_video: whether the file is a video.
    """

    results: list[PoseResult] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_video: bool = False


class Findings:
    """What was given together, and what each model found in it; a model looks at it when it is first asked for.

    Args:
        uploads: the files.
        folder: for the frames of videos at the size at which they are shown.
        left_out: why other files cannot be looked at.

    Attributes:
        uploads: the files.
        found: by the model's name, for each file.
    """

    def __init__(
        self, uploads: Sequence[Upload], folder: Path, left_out: Sequence[BadInputError] = ()
    ) -> None:
        self.uploads, self.folder, self._left_out = list(uploads), folder, list(left_out)
        self.found: dict[str, list[Found]] = {}
        self._kept: tuple[object, np.ndarray] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def fill(self, model: str, predictor: "Predictor") -> Iterator[str]:
        """Let a model look at all files, unless it has.

        Args:
            model: its name.
            predictor: the model.

        Yields:
            How far it is, in words.

        Raises:
            BadInputError: the predictions are not finite. A file that cannot be read is kept with its fault.
        """
        if model in self.found:
            return
        found = [Found(is_video=upload.is_video) for upload in self.uploads]
        images = [i for i, upload in enumerate(self.uploads) if not upload.is_video]
        results = predictor.predict([self.uploads[i].file for i in images], skip_bad=True)
        for done, (i, result) in enumerate(zip(images, results, strict=True), 1):
            _put(found[i], _named(result, self.uploads[i]))
            yield f"{model}: image {done} of {len(images)}"
        for i, upload in enumerate(self.uploads):
            if upload.is_video:
                for done, total in self._look_through(predictor, i, found[i]):
                    yield f"{model}: {upload.name}, frame {done}{f' of {total}' if total else ''}"
        self.found[model] = found

    def _look_through(self, predictor: "Predictor", i: int, found: Found) -> Iterator[tuple[int, int | None]]:
        """Look at the frames of a video, and keep them for the page."""
        upload = self.uploads[i]
        try:
            video = VideoReader(upload.file, MOST_FRAMES)
        except BadInputError as fault:
            _put(found, PoseResult.empty(predictor.schema, source=upload.name, fault=upload.told(fault)))
            return
        follow = Follower(predictor, RunSettings(self.folder), video.fps)
        for frame in video:
            result = replace(follow(frame), source=upload.name, image_size=video.size)
            if not (path := self._frame(i, frame.index)).exists():
                write_image(path, scaled_between(frame.image, 1, SHOWN_SIDES[1]))
            _put(found, result, frame.index, frame.time)
            if len(found.results) % _TELL_EVERY == 1:
                yield len(found.results), video.wanted
        found.notes += _notes_on(video, upload)
        if not found.results:
            none = BadInputError("no frame of this video can be decoded", where=upload.name)
            _put(found, PoseResult.empty(predictor.schema, source=upload.name, fault=none))

    def image(self, i: int, frame: int, predictor: "Predictor") -> np.ndarray:
        """Return a file's image, or a frame of it, at the size at which it is shown.

        Args:
            i: index of the file.
            frame: number of the frame.
            predictor: says how images of more than 8 bits become 8 bits.

        Returns:
            (h, w, 3) BGR uint8.

        Raises:
            BadInputError: it cannot be read.
        """
        key = (i, frame, predictor.model.pixels)
        if self._kept is None or self._kept[0] != key:
            upload = self.uploads[i]
            try:
                image = read_image(self._frame(i, frame)) if upload.is_video else predictor.read(upload.file)
            except BadInputError as fault:
                raise upload.told(fault) from fault
            self._kept = key, image if upload.is_video else scaled_between(image, *SHOWN_SIDES)
        return self._kept[1]

    @property
    def faults(self) -> list[BadInputError]:
        """Return why files cannot be looked at or read, each once."""
        found = [one.results[0].fault for by_file in self.found.values() for one in by_file]
        told = {str(fault): fault for fault in (*self._left_out, *found) if fault is not None}
        return list(told.values())

    def close(self) -> None:
        """Remove what was kept on the disk."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _frame(self, i: int, frame: int) -> Path:
        folder = self.folder / str(i)
        folder.mkdir(exist_ok=True)
        return folder / f"{frame}.jpg"


def _named(result: PoseResult, upload: Upload) -> PoseResult:
    fault = None if result.fault is None else upload.told(result.fault)
    return replace(result, source=upload.name, fault=fault)


def _put(found: Found, result: PoseResult, frame: int = 0, time: float = 0.0) -> None:
    found.results.append(result)
    found.frames.append(frame)
    found.times.append(time)


def _notes_on(video: VideoReader, upload: Upload) -> list[str]:
    notes = []
    if video.max_frames is not None and (video.frame_count or 0) > video.max_frames:
        notes.append(
            f"{upload.name}: the first {video.max_frames:,} of {video.frame_count:,} frames; "
            "kpplugins demo VIDEO takes all"
        )
    try:
        video.require_whole()
    except IncompleteInputError as fault:
        notes.append(f"{upload.name}: {fault.what}; these are shown")
    return notes
