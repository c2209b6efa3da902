"""A trained model of any kind, ready to predict on images."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, overload

import numpy as np
from mmengine.config import Config

from kpplugins.data.images import as_bgr, read_image
from kpplugins.inference.box_detector import BoxDetector
from kpplugins.inference.one_stage_predictor import BOX_THR, OneStagePredictor
from kpplugins.inference.top_down_predictor import TopDownPredictor
from kpplugins.inference.trained_model import BOXES, ONE_STAGE, kind_of, load_trained
from kpplugins.inference.two_stage_predictor import TwoStagePredictor
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError, PoseResult

Image = np.ndarray | str | Path
"""An array as OpenCV reads images, or a file."""


class Predictor:
    """A trained model of any kind that finds keypoints in images.

    A one-stage model finds all instances and their boxes. A top-down model predicts inside boxes: a detector's, given
    ones, or the one that it finds by searching the whole image (see ``TopDownPredictor``).

    Args:
        config: the run's config file, or a config from ``load_config``. Default: the one in the checkpoint.
        checkpoint: its weights; a checkpoint alone is enough. Default: the best one of the config's work dir, or of
            the newest run.
        device: ``cpu``, ``cuda:0``, …; default: a GPU where there is one.
        detector: finds the boxes in which a top-down model predicts.
        box_thr: least score of a one-stage model's instances; a detector has its own threshold.
        trust_checkpoint: let the checkpoint run code while it is loaded, and its config name any code.

    Attributes:
        schema: the keypoints.
        classes: names of the boxes' categories; empty for a top-down model without a detector.
        config: the settled config.

    Raises:
        BadInputError: the checkpoint or config cannot be read or is of another model, the model finds boxes alone, or a
            detector is given with a one-stage model.
    """

    def __init__(
        self,
        config: str | Path | Config | None = None,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        *,
        detector: BoxDetector | None = None,
        box_thr: float = BOX_THR,
        trust_checkpoint: bool = False,
    ) -> None:
        self.trained = load_trained(config, checkpoint, device, trust_checkpoint)
        self.config: Config = self.trained.config
        kind = kind_of(self.config)
        if kind == BOXES:
            raise BadInputError(
                "a detector finds boxes, not keypoints", where=self.trained.name,
                todo="give it as --detector, and a keypoint model as --config",
            )  # fmt: skip
        if kind == ONE_STAGE and detector is not None:
            raise BadInputError(
                "a one-stage model finds its boxes itself", where="--detector", found=self.trained.name,
                todo="leave --detector out, or give a top-down model",
            )  # fmt: skip
        self.kind: OneStagePredictor | TopDownPredictor | TwoStagePredictor
        if kind == ONE_STAGE:
            self.kind = OneStagePredictor(self.trained, box_thr)
        else:
            top_down = TopDownPredictor(self.trained)
            self.kind = top_down if detector is None else TwoStagePredictor(detector, top_down)
        if detector is not None and detector.trained.pixels != self.trained.pixels:
            raise BadInputError(
                "the detector was trained to see images otherwise", where="--detector",
                expected=self.trained.pixels.words, found=detector.trained.pixels.words,
                todo="train both with the same `pixels`",
            )  # fmt: skip
        self.schema: KeypointSchema = self.trained.schema
        self.classes: tuple[str, ...] = self.trained.classes if detector is None else detector.classes

    @overload
    def __call__(self, images: Image, boxes: np.ndarray | None = None) -> PoseResult: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(self, images: Iterable[Image], boxes: None = None) -> Iterator[PoseResult]: ...

    def __call__(self, images: Any, boxes: np.ndarray | None = None) -> Any:
        """Find keypoints in one image, or in each of several.

        Args:
            images: an array or a file, or any iterable of these. An array is (H, W, 3) BGR uint8; one and four
                channels and more than 8 bits are converted as in the model's training (see ``as_bgr``).
            boxes: (N, 4) xyxy in pixels to predict in; only with one image and a top-down model.

        Returns:
            For one image, its N instances in the image's pixels; for several, an iterator that predicts lazily, image
            by image.

        Raises:
            BadInputError: an input is not an image; boxes have another shape or no area, or come with several images or
                a one-stage model; or a predicted label has no name.
        """
        if isinstance(images, (str, Path, np.ndarray)):
            return self._one(images, boxes)
        if not isinstance(images, Iterable):
            raise BadInputError(
                "not an image", expected="an array, a file, or several of these", found=type(images).__name__
            )
        if boxes is not None:
            raise BadInputError(
                "boxes belong to one image", where="boxes", found="several images", todo="give one at a time"
            )
        return (self._one(image) for image in images)

    def follow(self, image: np.ndarray, before: PoseResult | None, search: bool = True) -> PoseResult:
        """Find keypoints in the next frame of a video.

        Args:
            image: (H, W, 3) BGR uint8.
            before: the result for the frame before; ``None`` for the first frame.
            search: let a top-down model search the whole image where the keypoints are lost, which takes many times as
                long.

        Returns:
            N instances, in the image's pixels.
        """
        return self.kind.follow(image, before, search)

    def _one(self, image: Image, boxes: np.ndarray | None = None) -> PoseResult:
        return self.kind(self.read(image), boxes)

    def read(self, image: Image) -> np.ndarray:
        """Read an image as the model was trained to see it.

        Args:
            image: see ``__call__``.

        Returns:
            (H, W, 3) BGR uint8.

        Raises:
            BadInputError: the input is not an image, or does not suit the model's rule for more than 8 bits.
        """
        if isinstance(image, np.ndarray):
            return as_bgr(image, rule=self.trained.pixels)
        return read_image(image, self.trained.pixels)
