"""The heads of Keypoint R-CNN, without learning from crowds."""

from typing import Any

from torch import Tensor
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import box_iou

from kpplugins.models.detectors.keypoint_rcnn_targets import mostly_within


class IgnoringRoIHeads(RoIHeads):
    """torchvision's heads, with targets that have ``ignored`` (R, 4) xyxy.

    Proposals inside one of these boxes (``mostly_within``) that match no instance are removed before sampling.
    """

    def select_training_samples(
        self, proposals: list[Tensor], targets: list[dict[str, Tensor]] | None
    ) -> Any:
        """Sample from the proposals (P, 4) as torchvision does, without those to ignore."""
        taught = [self._teaching(p, t) for p, t in zip(proposals, targets or [], strict=True)]
        return super().select_training_samples(taught, targets)

    def _teaching(self, proposals: Tensor, target: dict[str, Tensor]) -> Tensor:
        left_out = mostly_within(proposals, target["ignored"])
        if len(target["boxes"]):
            best = box_iou(proposals, target["boxes"].to(proposals.dtype)).amax(dim=1)
            left_out &= best < self.proposal_matcher.high_threshold
        elif left_out.all():
            left_out[:1] = False  # a loss over nothing would be NaN
        return proposals[~left_out]
