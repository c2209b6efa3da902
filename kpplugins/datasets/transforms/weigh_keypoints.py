"""Weights of single keypoints in the loss."""

from collections.abc import Mapping, Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from kpplugins.structures import BadInputError


@TRANSFORMS.register_module()
class WeighKeypoints(BaseTransform):
    """Multiplies the targets' weights of some keypoints, which the loss multiplies with their errors.

    Place it after ``GenerateTarget``. The special name ``keypoint_weights`` of a config puts it there. Other than
    ``use_dataset_keypoint_weights`` of that step, it also has an effect with several codecs.

    Required and modified key: ``keypoint_weights`` (N, K), or a list of these.

    Args:
        weights: factors by keypoint, ≥ 0; others have 1.
        keypoints: the names of the K keypoints, in the dataset's order.

    Raises:
        BadInputError: an unknown keypoint or a wrong weight; or, with a sample, a codec that gives no weights.
    """

    def __init__(self, weights: Mapping[str, float], keypoints: Sequence[str]) -> None:
        unknown = [name for name in weights if name not in keypoints]
        if unknown:
            raise BadInputError(
                "no such keypoint", where="keypoint_weights", expected=f"some of {', '.join(keypoints)}",
                found=unknown[0],
            )  # fmt: skip
        self.factors = np.array([weights.get(name, 1.0) for name in keypoints], np.float32)

    def transform(self, results: dict) -> dict:
        """Multiply the weights."""
        given = results.get("keypoint_weights")
        if given is None:
            raise BadInputError(
                "the codec gives no weights per keypoint", where="keypoint_weights",
                todo="leave keypoint_weights out, or choose a model whose codec has them",
            )  # fmt: skip
        several = isinstance(given, (list, tuple))
        weighed = [self._weighed(one) for one in (given if several else [given])]
        results["keypoint_weights"] = weighed if several else weighed[0]
        return results

    def _weighed(self, weights: np.ndarray) -> np.ndarray:
        if weights.shape[-1] % len(self.factors):
            raise BadInputError(
                "weights of another number of keypoints", where="keypoint_weights",
                expected=str(len(self.factors)), found=str(weights.shape[-1]),
            )  # fmt: skip
        return weights * np.tile(self.factors, weights.shape[-1] // len(self.factors))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(factors={self.factors.tolist()})"
