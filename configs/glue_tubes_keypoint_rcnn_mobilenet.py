"""Keypoint R-CNN on glue tubes with MobileNetV3, small images and small heads, from scratch on two CPU cores."""

_base_ = "_base_/keypoint_rcnn.py"

data_root = "data/glue_tubes"  # see glue_tubes_keypoint_rcnn.py
max_epochs = 60
lr = 1e-3

flip = dict(type="RandomFlip", prob=0.75, direction=["horizontal", "vertical", "diagonal"])  # any orientation
input_size = (320, 192)  # for training; in tests the network itself resizes images as much
affine = dict(type="RandomImageAffine", input_size=input_size, zoom=(0.7, 1.3))
train_pipeline = [_base_.load, flip, affine, _base_.pack_trained]
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
few = dict(box_batch_size_per_image=32, rpn_pre_nms_top_n_train=500, rpn_post_nms_top_n_train=300)
fewer = dict(rpn_pre_nms_top_n_test=300, rpn_post_nms_top_n_test=100)
model = dict(
    weights=None,
    channels_last=True,
    backbone="mobilenet_v3_large",
    fpn_channels=96,
    keypoint_layers=(128, 128, 128, 128),  # 0.11 G multiply-adds per box instead of 3.5
    torchvision_args=dict(**few, **fewer),
)
optim_wrapper = dict(optimizer=dict(_delete_=True, type="AdamW", lr=lr, weight_decay=1e-2, fused=True))
auto_scale_lr = dict(enable=False)
cycle = dict(eta_max=lr, total_steps=max_epochs, pct_start=0.2, convert_to_iter_based=True)
param_scheduler = dict(_delete_=True, type="OneCycleLR", by_epoch=True, **cycle)
val_dataloader = val_evaluator = val_cfg = None
default_hooks = dict(checkpoint=dict(save_best=None))
