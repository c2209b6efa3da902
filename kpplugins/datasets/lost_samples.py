"""Samples whose images cannot be read any more, though they could when the data were loaded."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from kpplugins.structures import BadInputError


class LostSamples:
    """The samples of a dataset that a data worker could not read; shared by the workers and their trainer.

    Args:
        number: of samples in the dataset.
    """

    def __init__(self, number: int) -> None:
        self._flags = torch.zeros(number, dtype=torch.uint8).share_memory_()

    def add(self, index: int, error: Exception) -> None:
        """Count a sample as lost.

        Args:
            index: of the sample.
            error: what was raised when it was read.

        Raises:
            BadInputError: none of the dataset's samples can be read any more.
        """
        self._flags[index] = 1
        if bool(self._flags.all()):
            raise BadInputError(
                "no image of the set can be read any more", where=failing_image(error) or "", found=str(error),
                todo="see whether the disk is still there",
            ) from error  # fmt: skip

    def indices(self) -> list[int]:
        """Return the lost samples' indices, ascending."""
        return self._flags.nonzero()[:, 0].tolist()


def failing_image(error: BaseException) -> str | None:
    """Find the image file that an error is about.

    Args:
        error: from a pipeline that loads images: ours, MMPose's or MMDetection's.

    Returns:
        Its path; ``None`` if the error is about something else.
    """
    if loading := re.search(r"occurs when loading `(.+?)`", str(error)):
        return loading[1]
    if isinstance(error, BadInputError):
        return error.where or None
    return str(error.filename) if isinstance(error, OSError) and error.filename else None


def require_finite_sample(sample: Mapping[str, Any], image: str) -> None:
    """Raise if a step of a pipeline made a labelled keypoint, or a box, that is not finite.

    Args:
        sample: as the pipeline left it: ``keypoints`` and ``transformed_keypoints`` (N, K, 2), ``keypoints_visible``
            (N, K) or (N, K, 2), ``bbox``; all may be absent.
        image: its path.

    Raises:
        BadInputError: there is one.
    """
    for name in ("keypoints", "transformed_keypoints", "bbox"):
        values = sample.get(name)
        if values is None or np.isfinite(values).all():
            continue
        if name != "bbox":
            visible = np.asarray(sample["keypoints_visible"])
            values = np.asarray(values)[(visible if visible.ndim == 2 else visible[..., 0]) > 0]
        if not np.isfinite(values).all():
            raise BadInputError(
                f"{name} that are not finite", where=image,
                todo="correct the annotation, or the step of the pipeline that makes them",
            )  # fmt: skip
