"""The camera of a visitor."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kpplugins.inference.live.follower import Follower
from kpplugins.inference.live.rate import Rate
from kpplugins.inference.live.run_settings import RunSettings
from kpplugins.inference.video.frame import Frame

if TYPE_CHECKING:
    from pathlib import Path

    from kpplugins.inference.pose_result import PoseResult
    from kpplugins.inference.predictor import Predictor


class Live:
    """Follows what a visitor's camera sees, with one model or two.

    Args:
        folder: of the visitor.

    Attributes:
        frames: how many images there were.
        newest: (H, W, 3) BGR, the last of them.
        rate: images per second, and how long each took here.
    """

    def __init__(self, folder: "Path") -> None:
        self.folder, self.frames, self.rate = folder, 0, Rate()
        self.newest: np.ndarray = np.zeros((0, 0, 3), np.uint8)
        self._followers: dict[str, Follower] = {}
        self._begun = time.perf_counter()

    def look(self, image: np.ndarray, models: "dict[str, Predictor]") -> "dict[str, PoseResult]":
        """Find keypoints in the next image.

        Args:
            image: (H, W, 3) BGR uint8.
            models: by name; those that were not asked for the image before begin anew.

        Returns:
            What each found.
        """
        captured = time.perf_counter()
        frame = Frame(self.frames, image, captured - self._begun, captured)
        self.frames, self.newest = self.frames + 1, image
        self._followers = {
            name: self._followers.get(name) or Follower(predictor, RunSettings(self.folder))
            for name, predictor in models.items()
        }
        size = (image.shape[1], image.shape[0])
        found = {name: replace(follow(frame), image_size=size) for name, follow in self._followers.items()}
        self.rate.add(captured, time.perf_counter())
        return found
