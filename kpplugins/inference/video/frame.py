"""One image of a video, a camera or a stream."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Frame:
    """One image of a video, a camera or a stream.

    Attributes:
        index: its number in the video, or of the camera's images, from 0; those that are left out keep theirs.
        image: (H, W, 3) BGR uint8.
        time: seconds since the first one, by the video's own clock; of a camera by that of this machine.
        captured: when it was there, by ``time.perf_counter``.
    """

    index: int
    image: np.ndarray
    time: float
    captured: float
