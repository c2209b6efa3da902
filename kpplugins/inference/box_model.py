"""What ``BoxDetector`` asks of a model, whatever runs it."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from kpplugins.data.pixel_rule import PixelRule

Boxes = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Boxes (N, 4) xyxy in pixels, their scores (N,), and their labels (N,)."""


class BoxModel(Protocol):
    """A model that finds boxes: a trained run in PyTorch, or an exported one.

    Attributes:
        kind: ``BOXES`` (see ``structures.model_kind``).
        name: of the run.
        classes: names of the categories, by label.
        pixels: how the model was trained to see images of more than 8 bits.
    """

    kind: str
    name: str
    classes: tuple[str, ...]
    pixels: PixelRule

    def prepare(self, image: np.ndarray) -> Any:
        """Do the work before the network, on (H, W, 3) BGR uint8; may run in several threads."""

    def run(self, units: Sequence[Any]) -> list[Boxes]:
        """Find all boxes in each of the units, in one batch."""
