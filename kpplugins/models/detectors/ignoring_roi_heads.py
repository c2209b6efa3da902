"""The heads of Keypoint R-CNN, which learn nothing where a crowd is."""

from typing import Any

from torch import Tensor
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import box_iou

from kpplugins.models.detectors.keypoint_rcnn_targets import mostly_within


class IgnoringRoIHeads(RoIHeads):
    """torchvision's, with targets that have ``ignored`` (R, 4) xyxy: proposals that lie in one of these boxes
    (``mostly_within``) and on no instance are left out before those to learn from are drawn."""

    def select_training_samples(
        self, proposals: list[Tensor], targets: list[dict[str, Tensor]] | None
    ) -> Any:
        """torchvision's own, of the proposals (P, 4) that may teach."""
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
