"""Keypoint R-CNN as one graph."""

import torch
from torch import Tensor, nn

from kpplugins.deploy.graphs.whole_image import BOXES, IMAGE, instances
from kpplugins.models.detectors.keypoint_rcnn import KeypointRCNN
from kpplugins.models.detectors.keypoint_rcnn_predictions import renamed


class KeypointRcnnGraph(nn.Module):
    """Finds boxes and keypoints: from an image to its instances, in pixels of the image, the highest score first.

    Resizing, normalisation, proposals and suppression are the network's own.

    Args:
        network: a ``KeypointRCNN``.

    Attributes:
        inputs: ``image``.
        outputs: ``boxes``, ``box_scores``, ``labels``, ``keypoints`` and ``scores``.
        traced: torchvision's code is made to be traced, not for ``torch.export``: the number of boxes decides what it
            does.
        precisions: resizing, proposals and suppression are inside the network, and stay float32.
        facts: ``input_size``: the longest and the shortest side, at most.
    """

    traced = True
    precisions = ("fp32",)

    def __init__(self, network: KeypointRCNN) -> None:
        super().__init__()
        self.network = network
        self.inputs, self.outputs = (IMAGE,), (*BOXES, *instances(network.num_keypoints))
        self.facts = {"input_size": [network.transform.max_size, network.transform.min_size[-1]]}

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Find the instances.

        Args:
            image: (H, W, 3) uint8 BGR.

        Returns:
            Boxes (N, 4) xyxy, their scores (N,) and labels (N,) int64, keypoints (N, K, 2) and their scores (N, K).
        """
        pixels = image.permute(2, 0, 1).flip(0).to(torch.float32) / 255
        found = renamed(self.network([pixels], None, "tensor")[0])
        return tuple(
            found[name] for name in ("bboxes", "bbox_scores", "labels", "keypoints", "keypoint_scores")
        )
