"""A region proposal network that does not learn from crowds."""

import torch
from torch import Tensor
from torchvision.models.detection.rpn import RegionProposalNetwork

from kpplugins.models.detectors.keypoint_rcnn_targets import mostly_within


class IgnoringRPN(RegionProposalNetwork):
    """torchvision's network, with targets that have ``ignored`` (R, 4) xyxy.

    Background anchors inside one of these boxes (``mostly_within``) are ignored.
    """

    def assign_targets_to_anchors(
        self, anchors: list[Tensor], targets: list[dict[str, Tensor]]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return labels 1, 0 and -1 (ignored), and the target boxes, of each image's anchors (A, 4)."""
        labels, boxes = super().assign_targets_to_anchors(anchors, targets)
        for i, target in enumerate(targets):
            background = (labels[i] == 0) & mostly_within(anchors[i], target["ignored"])
            labels[i] = torch.where(background, -1.0, labels[i])
            if (labels[i] < 0).all():
                labels[i][0] = 0  # a loss over nothing would be NaN
        return labels, boxes
