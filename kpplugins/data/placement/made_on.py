"""The pixels that an annotation was made on, where they are not those of the image as it is decoded."""

from dataclasses import dataclass

import numpy as np

from kpplugins.data.rule import AppliedRule

TURNED = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""


@dataclass(frozen=True)
class MadeOn:
    """The image that an annotation's coordinates belong to, and the way from it to the decoded image.

    Attributes:
        width: of that image in pixels, as the annotation states it.
        height: of that image in pixels.
        orientation: EXIF orientation by which it is turned first, 1 to 8; 1 leaves it as it is.
        rules: what is noted with every instance.
        doubt: EXIF orientation that may have been applied before or after, where neither is known; it is not applied.
    """

    width: int
    height: int
    orientation: int = 1
    rules: tuple[AppliedRule, ...] = ()
    doubt: int = 1

    def to_image(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """Take points to the decoded image: turned, then scaled.

        Args:
            points: ``(N, 2)`` x, y in pixels of the annotation's image, counted from pixels' centres.
            width: of the decoded image in pixels.
            height: of the decoded image in pixels.

        Returns:
            ``(N, 2)`` in pixels of the decoded image.
        """
        moved = turn_points(points, self.width, self.height, self.orientation)
        turned = self.orientation in TURNED
        scale = np.array([width, height]) / (
            (self.height, self.width) if turned else (self.width, self.height)
        )
        return moved if (scale == 1).all() else (moved + 0.5) * scale - 0.5


def turn_points(points: np.ndarray, width: int, height: int, orientation: int) -> np.ndarray:
    """Turn points as a viewer turns an image of an EXIF orientation.

    Args:
        points: ``(N, 2)`` x, y in pixels of the stored image, counted from pixels' centres.
        width: of the stored image in pixels.
        height: of the stored image in pixels.
        orientation: 1 to 8.

    Returns:
        ``(N, 2)`` in pixels of the image as it is shown.
    """
    x, y = points[:, 0], points[:, 1]
    right, low = width - 1 - x, height - 1 - y
    ways = {
        2: (right, y),
        3: (right, low),
        4: (x, low),
        5: (y, x),
        6: (low, x),
        7: (low, right),
        8: (y, right),
    }
    return np.stack(ways.get(orientation, (x, y)), axis=1)


def turn_box(box: np.ndarray, width: int, height: int, orientation: int) -> np.ndarray:
    """Turn a box as ``turn_points`` turns points.

    Args:
        box: ``(4,)`` xyxy in pixels of the stored image.
        width: of the stored image in pixels.
        height: of the stored image in pixels.
        orientation: 1 to 8.

    Returns:
        ``(4,)`` xyxy in pixels of the image as it is shown.
    """
    corners = turn_points(box.reshape(2, 2), width, height, orientation)
    return np.concatenate([corners.min(axis=0), corners.max(axis=0)])
