"""What a run is asked for."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kpplugins.structures import BadInputError


@dataclass(frozen=True)
class RunSettings:
    """What a run is asked for.

    Attributes:
        out: folder of the results.
        boxes: (N, 4) xyxy in pixels, in every image, for a top-down model; ``None`` leaves finding them to the
            predictor.
        score_thr: see ``draw_pose`` and ``Smoother``.
        formats: final formats, see ``formats.frames.outputs``.
        max_frames: at most so many frames of each video or camera.
        track: how instances are numbered in videos, see ``tracking.tracker.KINDS``; ``None`` for not.
        smooth: smooth the keypoints in videos.
        radii: see ``draw_pose``.
    """

    out: Path
    boxes: np.ndarray | None = None
    score_thr: float | None = None
    formats: tuple[str, ...] = ("json",)
    max_frames: int | None = None
    track: str | None = None
    smooth: bool = False
    radii: bool = False

    def require_boxes_in(self, size: tuple[int, int], where: str) -> None:
        """Raise if a given box lies outside an image.

        Args:
            size: (w, h) of the image in pixels.
            where: the image, for the message.

        Raises:
            BadInputError: it has no pixel in common with the image.
        """
        for box in [] if self.boxes is None else self.boxes:
            if not (box[0] < size[0] and box[1] < size[1] and box[2] > 0 and box[3] > 0):
                raise BadInputError(
                    "a box lies outside the image", where=where, expected=f"within {size[0]}×{size[1]}",
                    found=" ".join(f"{v:g}" for v in box),
                )  # fmt: skip
