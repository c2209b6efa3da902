"""Gated-skip hourglass on COCO persons: 17 keypoints at 256×256, each person in its annotated box."""

_base_ = "_base_/hourglass.py"

dataset_type = "CocoPersonDataset"
# annotations/person_keypoints_*2017.json, train2017 and val2017; or the output of `kpplugins dataset crop`
data_root = "data/coco"
num_stacks = 1  # 1, 2, 4 or 8; the time grows in proportion

train_pipeline = list(_base_.custom_train_pipeline)
train_pipeline.insert(3, dict(type="RandomHalfBody"))  # after the flip, as MMPose trains on COCO

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
