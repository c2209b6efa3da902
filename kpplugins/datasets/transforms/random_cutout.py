"""Holes in the image."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from kpplugins.structures import BadInputError

MEAN_COLOUR = (104, 116, 124)
"""ImageNet's mean in B, G, R: about zero after normalisation."""


@TRANSFORMS.register_module()
class RandomCutout(BaseTransform):
    """Cuts rectangular holes into the image at random (DeVries and Taylor 2017, arXiv 1708.04552).

    This makes a network locate keypoints by their surroundings, too. Keypoints and their visibility stay as they are.
    Width, height and centre of each hole are drawn uniformly and independently; a hole may extend beyond the border.
    Place it after ``TopdownAffine``, where the image is the crop of the instance.

    Required and modified key: ``img`` (H, W) or (H, W, C).

    Args:
        prob: share of the images that get holes, 0 to 1.
        num_holes: fewest and most holes in an image, both included.
        size: shortest and longest side of a hole, as fractions of the image's side, above 0 and up to 1.
        fill: value of the holes: one for all channels, or one per channel in the image's order (B, G, R), 0 to 255.

    Raises:
        BadInputError: an argument out of its range, or a fill for another number of channels.
    """

    def __init__(
        self,
        prob: float = 0.5,
        num_holes: Sequence[int] = (1, 3),
        size: Sequence[float] = (0.05, 0.25),
        fill: float | Sequence[float] = MEAN_COLOUR,
    ) -> None:
        if not 0 <= prob <= 1:
            raise _wrong("prob", "0 to 1", prob)
        if (
            len(num_holes) != 2
            or not 1 <= num_holes[0] <= num_holes[1]
            or any(n != int(n) for n in num_holes)
        ):
            raise _wrong("num_holes", "two whole numbers ≥ 1 such as (1, 3)", num_holes)
        if len(size) != 2 or not 0 < size[0] <= size[1] <= 1:
            raise _wrong("size", "two fractions of the image's side such as (0.05, 0.25)", size)
        if not all(0 <= v <= 255 for v in np.ravel(fill)):
            raise _wrong("fill", "0 to 255", fill)
        self.prob, self.num_holes, self.size, self.fill = prob, tuple(num_holes), tuple(size), fill

    def transform(self, results: dict) -> dict:
        """Cut the holes into a copy of the image."""
        if np.random.random() >= self.prob:
            return results
        image = results["img"].copy()  # a dataset may hold its images
        channels = image.shape[2] if image.ndim == 3 else 1
        if np.size(self.fill) not in (1, channels):
            raise _wrong("fill", f"1 or {channels} numbers, one per channel of the image", self.fill)
        sides = np.array(image.shape[1::-1])
        for _ in range(np.random.randint(self.num_holes[0], self.num_holes[1] + 1)):
            hole = np.random.uniform(self.size[0], self.size[1], 2) * sides
            corner = np.random.uniform(0, sides) - hole / 2
            x1, y1 = np.maximum(corner.round(), 0).astype(int)
            x2, y2 = (corner + hole).round().astype(int)
            image[y1:y2, x1:x2] = self.fill
        results["img"] = image
        return results

    def __repr__(self) -> str:
        values = f"prob={self.prob}, num_holes={self.num_holes}, size={self.size}, fill={self.fill}"
        return f"{type(self).__name__}({values})"


def _wrong(name: str, expected: str, found: object) -> BadInputError:
    return BadInputError(f"wrong {name}", where="RandomCutout", expected=expected, found=repr(found))
