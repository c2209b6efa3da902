"""Where the keypoints lie in the boxes that a model was trained on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kpplugins.structures.errors import BadInputError
from kpplugins.structures.replaced_file import replace_text

_MARGIN = 0.05
"""Least distance of a keypoint from the sides of its box, in units of the box's longer side."""


@dataclass(frozen=True)
class BoxLayout:
    """Mean positions of K keypoints in their boxes, to draw a box around keypoints as in training.

    The tight box around predicted keypoints differs from the boxes of training if these enclosed more than the
    keypoints (the eyes in the box of a head) or were drawn by hand.

    Attributes:
        places: K pairs (x, y), relative to the centre of the box, in units of its longer side.
        size: width and height of the mean box, in the same units.
    """

    places: tuple[tuple[float, float], ...]
    size: tuple[float, float]

    @classmethod
    def measure(cls, keypoints: np.ndarray, labelled: np.ndarray, boxes: np.ndarray) -> "BoxLayout":
        """Measure the layout of N instances.

        Args:
            keypoints: (N, K, 2) pixels, (x, y).
            labelled: (N, K) boolean.
            boxes: (N, 4) xyxy, pixels.

        Returns:
            The layout.
        """
        extent = boxes[:, 2:] - boxes[:, :2]
        side = np.maximum(extent.max(axis=1), 1e-9)
        centre = (boxes[:, 2:] + boxes[:, :2]) / 2
        relative = np.where(labelled[..., None], (keypoints - centre[:, None]) / side[:, None, None], np.nan)
        counts = np.maximum(labelled.sum(axis=0), 1)[:, None]
        known = (labelled.sum(axis=0) > 0).reshape(-1, 1)
        places = np.where(known, np.nansum(relative, axis=0) / counts, 0.0)
        size = (extent / side[:, None]).mean(axis=0)
        return cls(tuple((float(x), float(y)) for x, y in places), (float(size[0]), float(size[1])))

    def box_around(self, points: np.ndarray, sure: np.ndarray) -> np.ndarray | None:
        """Return the box in which keypoints would lie as they did in training.

        The scale comes from the spread of the keypoints about their mean, which a rotation does not change.

        Args:
            points: (K, 2) pixels, (x, y).
            sure: (K,) boolean, the keypoints to rely on.

        Returns:
            (4,) xyxy, or ``None`` if fewer than two keypoints are sure or all of them coincide.
        """
        places = np.array(self.places)[sure]
        chosen = points[sure]
        if len(chosen) < 2:
            return None
        spread = np.sqrt(((places - places.mean(axis=0)) ** 2).sum(axis=1).mean())
        found = np.sqrt(((chosen - chosen.mean(axis=0)) ** 2).sum(axis=1).mean())
        if spread < 1e-6 or found < 1e-6:
            return None
        scale = found / spread
        centre = chosen.mean(axis=0) - scale * places.mean(axis=0)
        half = scale * np.array(self.size) / 2
        reach = _MARGIN * scale  # a rotated instance may leave the mean box; its keypoints must stay inside
        low = np.minimum(centre - half, chosen.min(axis=0) - reach)
        high = np.maximum(centre + half, chosen.max(axis=0) + reach)
        return np.concatenate([low, high])

    def save(self, path: Path) -> None:
        """Write the layout as JSON."""
        replace_text(path, json.dumps({"places": self.places, "size": self.size}, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path, num_keypoints: int) -> "BoxLayout":
        """Read a file that ``save`` wrote, for K = ``num_keypoints``.

        Raises:
            BadInputError: the file is not a layout of K keypoints.
        """
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            places: Sequence = [(float(x), float(y)) for x, y in raw["places"]]
            width, height = (float(v) for v in raw["size"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise BadInputError(f"not a box layout: {error}", where=str(path), todo="train again") from error
        if len(places) != num_keypoints:
            raise BadInputError(
                "box layout with another number of keypoints",
                where=str(path),
                expected=str(num_keypoints),
                found=str(len(places)),
            )
        return cls(tuple(places), (width, height))
