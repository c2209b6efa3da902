"""Any keypoints, top-down, on a top-down COCO config of MMPose: exchange it to exchange the model and its training."""

_base_ = [
    "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hourglass52_8xb32-210e_coco-256x256.py",
    "custom_data.py",
]
globals().update(_base_.custom)

dataset_type = "CustomKeypointDataset"
data_root = "data/custom"
keypoints = None  # all that the data have
