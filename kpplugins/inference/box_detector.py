"""Boxes in images, for a top-down model to predict in."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kpplugins.inference.box_model import Boxes, BoxModel
from kpplugins.inference.opening import open_boxes
from kpplugins.structures import BadInputError

if TYPE_CHECKING:
    from mmengine.config import Config

BOX_THR = 0.3
"""Least score of an instance."""
_THINNEST = 2
"""Least length in pixels of a box's shorter side; thinner boxes are dropped."""


class BoxDetector:
    """A trained detector: finds the boxes in which a top-down model then predicts keypoints.

    Takes a run of ``configs/detector_rtmdet_tiny.py``, any MMDetection config of a detector with its checkpoint, or an
    exported detector.

    Args:
        source: a config file, a checkpoint, the work dir of a run, a config from ``load_config``, or an exported
            folder. Default: the newest run.
        checkpoint: the weights. Default: the best one of the config's work dir.
        device: ``cpu``, ``cuda:0``, …; default: a GPU where there is one.
        box_thr: boxes with a lower score are left out.
        categories: keep only boxes of these categories; ``None`` keeps all.
        trust_checkpoint: let the checkpoint run code while it is loaded.

    Raises:
        BadInputError: the checkpoint or config is of another kind of model, the config cannot be read, or the detector
            does not know a category.
    """

    def __init__(
        self,
        source: "str | Path | Config | None" = None,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        box_thr: float = BOX_THR,
        categories: Sequence[str] | None = None,
        trust_checkpoint: bool = False,
    ) -> None:
        self.model: BoxModel = open_boxes(source, checkpoint, device, trust_checkpoint)
        self.classes: tuple[str, ...] = self.model.classes
        unknown = [name for name in categories or () if name not in self.classes]
        if unknown:
            raise BadInputError(
                "the detector does not know this category", where=str(source or self.model.name), found=unknown[0],
                expected=f"some of {', '.join(self.classes)}",
            )  # fmt: skip
        self.box_thr = box_thr
        self.categories = None if categories is None else tuple(categories)

    def __call__(self, image: np.ndarray) -> Boxes:
        """Find the boxes in an image.

        Args:
            image: (H, W, 3) BGR uint8.

        Returns:
            Boxes (N, 4) xyxy in pixels, clipped to the image; their scores (N,); and their labels (N,), indices
            into ``classes``. The highest score comes first.

        Raises:
            BadInputError: the array is not an image.
        """
        require_image(image)
        (found,) = self.run([self.prepare(image)])
        return found

    def prepare(self, image: np.ndarray) -> tuple[tuple[int, int], Any]:
        """Do the work before the network; may run in several threads.

        Args:
            image: (H, W, 3) BGR uint8.

        Returns:
            A unit of work for ``run``.
        """
        return (image.shape[1], image.shape[0]), self.model.prepare(image)

    def run(self, units: Sequence[tuple[tuple[int, int], Any]]) -> list[Boxes]:
        """Find the boxes in several images, in one batch.

        Args:
            units: from ``prepare``.

        Returns:
            See ``__call__``, for each.
        """
        found = self.model.run([unit for _, unit in units])
        return [self._chosen(size, boxes) for (size, _), boxes in zip(units, found, strict=True)]

    def _chosen(self, size: tuple[int, int], found: Boxes) -> Boxes:
        boxes, scores, labels = found
        last = [size[0] - 1, size[1] - 1] * 2
        boxes = np.clip(np.asarray(boxes, np.float64).reshape(-1, 4), 0, last)
        kept = (scores >= self.box_thr) & (
            (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf) >= _THINNEST
        )
        if self.categories is not None:
            kept &= np.isin(labels, [self.classes.index(name) for name in self.categories])
        order = np.flatnonzero(kept)[np.argsort(-scores[kept], kind="stable")]
        return boxes[order], scores[order].astype(np.float64), labels[order].astype(np.int64)


def require_image(image: np.ndarray) -> None:
    """Stop where an array is not an image.

    Args:
        image: must be (H, W, 3) uint8.

    Raises:
        BadInputError: it has another shape or type.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise BadInputError("not an image", expected="(H, W, 3) uint8", found=f"{image.shape} {image.dtype}")
