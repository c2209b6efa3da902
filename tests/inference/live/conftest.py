"""A predictor that finds a bright square, as fast as it is told; the real thing around it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kpplugins.data.images import as_bgr, read_image
from kpplugins.inference.pose_result import PoseResult
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

SCHEMA = KeypointSchema("square", ("left_top", "right_bottom"), skeleton=(("left_top", "right_bottom"),))


class SquareFinder:
    """Finds the bright square in an image by its pixels, in place of a network."""

    def __init__(self, seconds: float = 0.0, schema: KeypointSchema = SCHEMA) -> None:
        self.schema, self.seconds, self.calls = schema, seconds, 0

    def __call__(self, image: np.ndarray, boxes: np.ndarray | None = None) -> PoseResult:
        self.calls += 1
        time.sleep(self.seconds)
        rows, columns = np.nonzero(image.mean(axis=2) > 200)
        if not len(rows):
            return PoseResult.empty(self.schema)
        box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], float)
        points = np.array([[box[:2], box[2:] - 1]])
        return PoseResult(points, np.full((1, 2), 0.9), box[None], self.schema)

    def follow(self, image: np.ndarray, before: PoseResult | None, search: bool = True) -> PoseResult:
        return self(image)

    def read(self, image: np.ndarray | str | Path) -> np.ndarray:
        return as_bgr(image) if isinstance(image, np.ndarray) else read_image(image)

    def predict(
        self, images: Any, boxes: Any = None, *, batch_size: int = 1, skip_bad: bool = False
    ) -> Iterator[PoseResult]:
        for image in images:
            try:
                yield self(self.read(image))
            except BadInputError as fault:
                yield PoseResult.empty(self.schema, source=str(image), fault=fault)


@pytest.fixture
def finder() -> Callable[..., SquareFinder]:
    """``SquareFinder`` with a delay in seconds."""
    return SquareFinder


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """A video of 96×64 in which a bright square moves one pixel a frame."""

    def make(name: str = "film.avi", frames: int = 12, fps: float = 25.0) -> Path:
        path = tmp_path / "films" / name
        path.parent.mkdir(exist_ok=True)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (96, 64))
        for i in range(frames):
            image = np.full((64, 96, 3), 40, np.uint8)
            image[20:40, 10 + i % 60 : 30 + i % 60] = 255
            writer.write(image)
        writer.release()
        return path

    return make
