"""``RandomBBoxTransform``, ten times as fast."""

import numpy as np
from mmpose.datasets.transforms import RandomBBoxTransform
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomBoxTransform(RandomBBoxTransform):
    """Shifts, scales and rotates the box at random, with the distributions of MMPose's step.

    MMPose draws from SciPy's truncated normal distribution, which takes 0.3 ms per sample; here, normal numbers outside
    the limits are redrawn.

    Args:
        **kwargs: see MMPose's ``RandomBBoxTransform``.
    """

    @staticmethod
    def _truncnorm(low: float = -1.0, high: float = 1.0, size: tuple[int, ...] = ()) -> np.ndarray:
        """Draw standard normal numbers truncated to ``low``-``high``; float32 of shape ``size``."""
        drawn = np.random.standard_normal(size)
        outside = (drawn < low) | (drawn > high)
        while np.any(outside):
            drawn = np.where(outside, np.random.standard_normal(size), drawn)
            outside = (drawn < low) | (drawn > high)
        return np.asarray(drawn, dtype=np.float32)
