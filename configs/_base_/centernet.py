"""CenterNet with keypoints on a small gated hourglass, sized for two CPU cores: 256×256, 64 channels."""

_base_ = "onestage_data.py"

channels = 64  # of the features; 256 in the published network
num_stacks = 1
lr = 2e-3
amp = "auto"  # bfloat16: 1.4 times as fast on a CPU that supports it
codec = dict(type="CenterNetKeypoints", input_size=(256, 256), heatmap_size=(64, 64), num_classes=None)

random_affine = dict(type="RandomImageAffine", input_size=codec["input_size"])
affine = dict(type="ImageAffine", input_size=codec["input_size"])
target = dict(type="GenerateTarget", encoder=codec)
train_pipeline = [_base_.load, _base_.flip, random_affine, target, _base_.pack_trained]
val_pipeline = [dict(type="LoadImage"), affine, _base_.pack_tested]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=val_pipeline))

model = dict(
    _scope_="mmpose",  # as MMEngine adds to MMPose's configs: the parts are found from any default scope
    type="BottomupPoseEstimator",
    data_preprocessor=dict(
        type="TopdownDataPreprocessor",  # for any images of one size, not only crops
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(type="GatedHourglass", channels=channels, num_stacks=num_stacks),
    head=dict(
        type="CenterNetPoseHead",
        in_channels=channels,
        feat_channels=channels,
        out_channels=None,  # this and the next are taken from the data
        num_classes=None,
        num_stacks=num_stacks,
        decoder=codec,
    ),
    test_cfg=dict(flip_test=True),
)
optim_wrapper = dict(
    optimizer=dict(type="AdamW", lr=lr, weight_decay=1e-2, fused=True), clip_grad=dict(max_norm=35)
)
param_scheduler = dict(
    type="OneCycleLR",
    eta_max=lr,
    total_steps=_base_.max_epochs,
    by_epoch=True,
    convert_to_iter_based=True,
    pct_start=0.2,
)
