"""What the predictor asks of a model, whatever runs it."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from kpplugins.data.pixel_rule import PixelRule
from kpplugins.inference.pose_result import PoseResult
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BoxLayout, UncertaintyCalibration, VisibilityCalibration


class PoseModel(Protocol):
    """A model that finds keypoints: a trained run in PyTorch, or an exported one.

    Its work has two halves: ``prepare`` is the CPU's share of one unit and may run in several threads; ``run`` is the
    network's share and the decoding, of a batch of units.

    Attributes:
        kind: ``ONE_STAGE`` or ``TOP_DOWN`` (see ``structures.model_kind``).
        name: of the run.
        schema: the K keypoints.
        classes: names of the boxes' categories, by label; empty where the model finds no boxes.
        pixels: how the model was trained to see images of more than 8 bits.
        layout: how the keypoints lie in the training's boxes, if known.
        visibility: what its scores say about visibility, if it was calibrated.
        uncertainty: how far off its keypoints may be, if that was.
    """

    kind: str
    name: str
    schema: KeypointSchema
    classes: tuple[str, ...]
    layout: BoxLayout | None
    visibility: VisibilityCalibration | None
    uncertainty: UncertaintyCalibration | None

    @property
    def pixels(self) -> PixelRule:
        """Return how the model was trained to see images of more than 8 bits."""

    def prepare(self, image: np.ndarray, box: np.ndarray | None = None) -> Any:
        """Do the work before the network.

        Args:
            image: (H, W, 3) BGR uint8.
            box: (4,) xyxy in pixels, for a top-down model.

        Returns:
            A unit of work for ``run``.
        """

    def run(self, units: Sequence[Any], quick: bool = False) -> list[PoseResult]:
        """Predict on units, all in one batch.

        Args:
            units: from ``prepare``.
            quick: without a flip test, where that can be chosen.

        Returns:
            One result for each: one instance in its box, or all instances in the image.

        Raises:
            BadInputError: a prediction is NaN or infinite.
        """
