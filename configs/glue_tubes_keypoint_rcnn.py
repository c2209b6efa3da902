"""Keypoint R-CNN on glue tubes with a box, a head and a tail each, from COCO weights, for a GPU.

The data: `kpplugins dataset convert SOURCE --out DIR --names head tail --category glue_tube --ratio 81 0 19`. There is
no val split to choose a checkpoint by, so the last one is used.
"""

_base_ = "_base_/keypoint_rcnn.py"

data_root = "data/glue_tubes"
max_epochs = 20  # 900 steps with batches of 2

flip = dict(type="RandomFlip", prob=0.75, direction=["horizontal", "vertical", "diagonal"])  # any orientation
train_pipeline = [_base_.load, flip, _base_.distort, _base_.pack_trained]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(channels_last=True)
warm_up = dict(type="LinearLR", start_factor=1e-3, by_epoch=False, begin=0, end=100)
steps = dict(type="MultiStepLR", milestones=[14, 18], gamma=0.1, by_epoch=True, begin=0, end=max_epochs)
param_scheduler = [warm_up, steps]
val_dataloader = val_evaluator = val_cfg = None
default_hooks = dict(checkpoint=dict(save_best=None))
