"""Any keypoints, top-down, on a top-down COCO config of MMPose: replace that to change the model and its training."""

_base_ = [
    "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hourglass52_8xb32-210e_coco-256x256.py",
    "custom_data.py",
]
custom_imports = _base_.custom_registration
train_dataloader = _base_.custom_train_dataloader
val_dataloader = _base_.custom_val_dataloader
test_dataloader = _base_.custom_test_dataloader
val_evaluator = test_evaluator = _base_.custom_evaluator
model = _base_.custom_model
randomness = _base_.custom_randomness
default_hooks, custom_hooks = _base_.custom_checkpoint, _base_.custom_run_hooks
visualizer = _base_.custom_visualizer

dataset_type = "CustomKeypointDataset"
data_root = "data/custom"
keypoints = None  # all of the data
