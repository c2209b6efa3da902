"""The last step for models that find all instances of an image."""

from mmpose.datasets.transforms import PackPoseInputs
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackImageInputs(PackPoseInputs):
    """``PackPoseInputs`` with the ground truth of a one-stage model.

    ``gt_instances``, in the pixels of ``inputs``, NumPy as MMPose's: ``bboxes`` (N, 4) xyxy, ``bbox_scores`` (N,),
    ``labels`` (N,) int64 from 0, ``keypoints`` (N, K, 2), ``keypoints_visible`` (N, K), ``areas`` (N,), ``iscrowd``
    (N,) int64; and the fields of a codec's ``instance_mapping_table``.

    Args:
        **kwargs: see MMPose's ``PackPoseInputs``.
    """

    instance_mapping_table = dict(
        bbox="bboxes",
        bbox_score="bbox_scores",
        labels="labels",
        keypoints="keypoints",
        keypoints_visible="keypoints_visible",
        area="areas",
        iscrowd="iscrowd",
    )

    def transform(self, results: dict) -> dict:
        """Pack the sample; see the class."""
        self.prepare(results)
        return super().transform(results)

    def prepare(self, results: dict) -> None:
        """Add to ``results`` what is packed besides what MMPose's step knows."""
        if "category_id" in results:
            results["labels"] = results["category_id"] - 1
        if "instance_mapping_table" in results:
            results["instance_mapping_table"] = {
                **self.instance_mapping_table, **results["instance_mapping_table"],
            }  # fmt: skip
