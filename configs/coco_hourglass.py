"""Gated-skip hourglass on COCO persons: 17 points at 256×256, each person from its annotated box."""

_base_ = "_base_/hourglass.py"

dataset_type = "CocoPersonDataset"
# annotations/person_keypoints_*2017.json, train2017 and val2017; or what cutting the persons out of them made
data_root = "data/coco"
num_stacks = 1  # 1, 2, 4 or 8; each further one costs as much time again

train_pipeline = list(_base_.custom_train_pipeline)
train_pipeline.insert(3, dict(type="RandomHalfBody"))  # after the flip, as MMPose trains on COCO

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
