"""ViTPose-S, UDP heatmaps at 256×192, on any keypoints: --data DIR of `kpplugins dataset convert`."""

import importlib.util

_base_ = [
    "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_ViTPose-small_8xb64-210e_coco-256x192.py",
    "_base_/custom_data.py",
]
if importlib.util.find_spec("mmpretrain") is None:
    raise ImportError(
        "its VisionTransformer is mmpretrain's, which is not installed: pip install onedl-mmpretrain"
    )

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
imports = [*_base_.custom_imports.imports, *_base_.custom_registration.imports, "mmpretrain.models"]
custom_imports = dict(imports=imports)
# MMPose's 5e-4 for batches of 512, times the root of 32 / 512
optim_wrapper = dict(optimizer=dict(lr=1.25e-4))
