"""CenterNet on glue tubes, a box, a head and a tail each, in 90 photos; 21 more are for the test.

Made by `kpplugins dataset convert SOURCE --out DIR --names head tail --category glue_tube --ratio 81 0 19`. There is no
third part to choose a checkpoint by, so the last one counts.
"""

_base_ = "_base_/centernet.py"

data_root = "data/glue_tubes"
input_size = (320, 192)  # photos of 1920×1080 fill it
max_epochs = 100
image_augment = dict(zoom=(0.7, 1.3))

flip = dict(type="RandomFlip", prob=0.75, direction=["horizontal", "vertical", "diagonal"])  # they lie anyhow
train_pipeline = list(_base_.train_pipeline)
train_pipeline[1] = flip
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = val_evaluator = val_cfg = None
default_hooks = dict(checkpoint=dict(save_best=None))
