"""SimpleBaseline (ResNet-50), heatmaps at 256×192, on any keypoints: --data DIR of `kpplugins dataset convert`."""

_base_ = [
    "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py",
    "_base_/custom_data.py",
]
custom_imports = _base_.custom_registration
dataset_type = "CustomKeypointDataset"
data_root = "data/custom"
train_dataloader = _base_.custom_train_dataloader
val_dataloader = _base_.custom_val_dataloader
test_dataloader = _base_.custom_test_dataloader
val_evaluator = test_evaluator = _base_.custom_evaluator
model = _base_.custom_model
randomness = _base_.custom_randomness
default_hooks, custom_hooks = _base_.custom_checkpoint, _base_.custom_run_hooks
visualizer = _base_.custom_visualizer
