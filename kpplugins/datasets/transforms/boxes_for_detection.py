"""Conversion of samples of whole images to MMDetection's keys."""

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class BoxesForDetection(BaseTransform):
    """Renames an image's N boxes and classes to MMDetection's keys for its steps; keypoints are dropped.

    Removed keys: ``bbox`` (N, 4) xyxy float32, ``category_id`` (N,) from 1, ``iscrowd`` (N,), and all other keys of the
    instances. Added keys: ``gt_bboxes``, ``HorizontalBoxes`` (N, 4); ``gt_bboxes_labels`` (N,) int64 from 0;
    ``gt_ignore_flags`` (N,) boolean, true for crowds, which are not learnt. ``raw_ann_info``, the truth for metrics,
    is kept. A sample without annotations, for inference, stays as it is.
    """

    def transform(self, results: dict) -> dict:
        """Rename; see the class."""
        from mmdet.structures.bbox import HorizontalBoxes

        if "bbox" not in results:
            return results
        boxes = np.asarray(results.pop("bbox"), np.float32).reshape(-1, 4)
        results["gt_bboxes"] = HorizontalBoxes(boxes)
        results["gt_bboxes_labels"] = np.asarray(results.pop("category_id"), np.int64) - 1
        results["gt_ignore_flags"] = np.asarray(results.pop("iscrowd"), bool)
        for name in ("keypoints", "keypoints_visible", "area", "bbox_score", "id"):
            results.pop(name, None)
        return results
