"""Predictions of one camera's video as Anipose reads them: ``pose-2d/NAME.h5``, DeepLabCut's table of one animal."""

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kpplugins.formats.frames.deeplabcut_table import DeepLabCutTable
from kpplugins.formats.frames.predicted_frames import PredictedFrames
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replaced_file

logger = logging.getLogger(__name__)
FOLDER = "pose-2d"
"""The folder of a session that Anipose triangulates from."""


def write_frames_anipose(frames: PredictedFrames, stem: Path) -> list[Path]:
    """Write ``pose-2d/NAME.h5`` beside the other results: a row for each frame from 0 on, as all cameras need it.

    Anipose triangulates one animal. With tracks it is that of the most frames, else the instance of the highest score
    in each frame; how many others were left out is said.

    Args:
        frames: the predictions of a video, whose name says which camera it is (Anipose's ``cam_regex``).
        stem: path of the results without ending.

    Returns:
        The file.

    Raises:
        BadInputError: they are of images, or it cannot be written.
    """
    if frames.head.get("kind") == "images":
        raise BadInputError(
            "Anipose triangulates videos, not single images", where="--format anipose", found=str(frames.path),
            todo="give the video of each camera",
        )  # fmt: skip
    one = _OneAnimal(frames.path)
    path = stem.parent / FOLDER / f"{stem.name}.h5"
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_file(path) as aside:
        DeepLabCutTable(one).write_h5(aside)
    if one.others:
        logger.warning(
            "%s: %d instances of other animals are left out; the other formats have them", path, one.others
        )
    return [path]


class _OneAnimal(PredictedFrames):
    """Every frame from 0 on, with one instance at most, which has no track."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.others = 0
        tracks = Counter(
            i["track_id"]
            for frame in super().__iter__()
            for i in frame["instances"]
            if i.get("track_id", -1) >= 0
        )
        self.track = min(tracks, key=lambda number: (-tracks[number], number)) if tracks else None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each frame, and those that are missing as empty ones."""
        self.others, expected = 0, 0
        for frame in super().__iter__():
            number = int(frame["frame"])
            yield from ({"frame": missing, "instances": []} for missing in range(expected, number))
            expected = number + 1
            kept = self._chosen(frame["instances"])
            self.others += len(frame["instances"]) - len(kept)
            yield {
                "frame": number,
                "instances": [{k: v for k, v in i.items() if k != "track_id"} for i in kept],
            }

    def _chosen(self, instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if self.track is not None:
            return [i for i in instances if i.get("track_id") == self.track][:1]
        return sorted(instances, key=lambda i: -i["score"])[:1]
