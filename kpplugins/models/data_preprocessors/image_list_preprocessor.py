"""Images of different sizes, as torchvision's detectors take them."""

import torch
from mmengine.model import BaseDataPreprocessor
from mmpose.registry import MODELS
from torch import Tensor

from kpplugins.structures import BadInputError

_DIMENSIONS, _CHANNELS = 3, 3


@MODELS.register_module()
class ImageListPreprocessor(BaseDataPreprocessor):
    """Converts the loader's BGR images to a list of RGB images in 0..1, each of its own size.

    Nothing is padded, stacked, resized or normalised; torchvision's ``GeneralizedRCNNTransform``, the first part of its
    detectors, does that.

    Args:
        non_blocking: copy to the device asynchronously.

    Shapes: ``inputs``, a list of N (3, h, w) or one (N, 3, h, w), BGR 0..255, to a list of N (3, h, w) float32.

    Raises:
        BadInputError: an image that does not have three channels.
    """

    def __init__(self, non_blocking: bool = False) -> None:
        super().__init__(non_blocking=non_blocking)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Return the batch on the model's device; the loader's images are not modified."""
        samples = data.get("data_samples")
        return {
            "inputs": [self._image(image) for image in data["inputs"]],
            "data_samples": samples if self.device.type == "cpu" else self.cast_data(samples),
        }

    def _image(self, image: Tensor) -> Tensor:
        if image.ndim != _DIMENSIONS or len(image) != _CHANNELS:
            raise BadInputError(
                "not an image", where="inputs", expected="(3, h, w) BGR", found=str(tuple(image.shape))
            )
        image = image.to(self.device, non_blocking=self._non_blocking)
        return image[[2, 1, 0]].to(torch.float32).div_(255)  # indexing copies
