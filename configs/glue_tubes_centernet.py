"""CenterNet on glue tubes with a box, a head and a tail each: 90 images for training, 21 for the test.

The data: `kpplugins dataset convert SOURCE --out DIR --names head tail --category glue_tube --ratio 81 0 19`. There is
no val split to choose a checkpoint by, so the last one is used.
"""

_base_ = "_base_/centernet.py"

data_root = "data/glue_tubes"
input_size = (320, 192)  # images of 1920×1080 fill the width
max_epochs = 350  # 20 minutes on one CPU core
image_augment = dict(zoom=(0.7, 1.3))
last_epochs = dict(share=0.2, image_augment=dict(zoom=(0.97, 1.03), shift=0.02))  # ends on images as they are tested

flip = dict(type="RandomFlip", prob=0.75, direction=["horizontal", "vertical", "diagonal"])  # any orientation
train_pipeline = list(_base_.train_pipeline)
train_pipeline[1] = flip
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = val_evaluator = val_cfg = None
default_hooks = dict(checkpoint=dict(save_best=None))
