"""RTMPose-m (medium), SimCC at 256×192, on any keypoints: --data DIR of `kpplugins dataset convert`."""

_base_ = [
    "mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-m_8xb256-420e_coco-256x192.py",
    "_base_/custom_rtmpose.py",
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
default_hooks = _base_.custom_checkpoint
custom_hooks = [_base_.custom_hooks[0], *_base_.custom_run_hooks]  # MMPose averages the weights (EMA)
visualizer = _base_.custom_visualizer
lr = _base_.custom_lr
optim_wrapper, param_scheduler = _base_.custom_optim_wrapper, _base_.custom_param_scheduler
