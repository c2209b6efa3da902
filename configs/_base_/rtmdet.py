"""MMDetection's RTMDet-tiny on the boxes of a converted data set, with small images and without mosaic augmentation.

The data come from `CustomKeypointDataset`, so splits and categories are those of the keypoint models. Steps and model
are MMDetection's, so their names have its scope.
"""

_base_ = "mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py"

custom_imports = dict(imports=["kpplugins.register"])
default_scope = "mmpose"
dataset_type = "CustomKeypointDataset"
data_root = "data/custom"
input_size = (320, 320)  # load_config also sets it in the steps of the pipelines
max_epochs = 100
lr = 1e-3

grey = dict(img=(114, 114, 114))
pad = dict(type="mmdet.Pad", size=input_size, pad_val=grey)
seen = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor", "raw_ann_info")
pack = dict(type="mmdet.PackDetInputs", meta_keys=seen)
train_pipeline = [
    dict(type="LoadCachedImage"),
    dict(type="BoxesForDetection"),
    dict(
        type="mmdet.RandomResize",
        scale=input_size,
        ratio_range=(0.5, 2.0),
        keep_ratio=True,
        resize_type="mmdet.Resize",
    ),
    dict(type="mmdet.RandomCrop", crop_size=input_size, allow_negative_crop=True),
    dict(type="mmdet.YOLOXHSVRandomAug"),
    dict(type="mmdet.RandomFlip", prob=0.5),
    pad,
    pack,
]
val_pipeline = [
    dict(type="LoadImage"),
    dict(type="BoxesForDetection"),
    dict(type="mmdet.Resize", scale=input_size, keep_ratio=True),
    pad,
    pack,
]
dataset = dict(type=dataset_type, data_root=data_root, data_mode="bottomup")
tested = dict(**dataset, test_mode=True, pipeline=val_pipeline)
num_workers = "auto"  # none beside the network on a CPU with two cores
loader = dict(_delete_=True, batch_size=16, num_workers=2, persistent_workers=True)
packed = dict(collate_fn=dict(type="packed_collate"))  # not for the test: inferencers do not accept a dict
in_order = dict(type="DefaultSampler", shuffle=False, round_up=False)
train_dataloader = dict(
    **loader,
    **packed,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(**dataset, split="train", pipeline=train_pipeline),
)
val_dataloader = dict(**loader, **packed, sampler=in_order, dataset=dict(**tested, split="val"))
test_dataloader = dict(**loader, sampler=in_order, dataset=dict(**tested, split="test"))
val_evaluator = dict(_delete_=True, type="BoxMetric")
test_evaluator = dict(_delete_=True, type="BoxMetric")

norm = dict(type="BN")  # one process needs no SyncBN, which has no CPU version
model = dict(
    _scope_="mmdet",
    backbone=dict(norm_cfg=norm),
    neck=dict(norm_cfg=norm),
    bbox_head=dict(norm_cfg=norm, num_classes=None),  # taken from the data
    use_syncbn=False,
    test_cfg=dict(max_per_img=100),
)
optim_wrapper = dict(optimizer=dict(lr=lr))
param_scheduler = dict(
    _delete_=True,
    type="OneCycleLR",
    eta_max=lr,
    total_steps=max_epochs,
    by_epoch=True,
    convert_to_iter_based=True,
    pct_start=0.1,
)
train_cfg = dict(_delete_=True, type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=5)
val_cfg = dict(_delete_=True, type="ValLoop")  # else they would look for the data among MMDetection's
test_cfg = dict(_delete_=True, type="TestLoop")
default_hooks = dict(
    checkpoint=dict(interval=1, max_keep_ckpts=1, save_best="box/AP", rule="greater"),
    visualization=dict(_delete_=True, type="PoseVisualizationHook", enable=False),
)
vis_backends = [dict(type="LocalVisBackend"), dict(type="TensorboardVisBackend")]
visualizer = dict(_delete_=True, type="PoseLocalVisualizer", vis_backends=vis_backends)
ema = dict(type="EMAHook", ema_type="ExpMomentumEMA", momentum=0.0002, update_buffers=True, priority=49)
custom_hooks = [ema, dict(type="ProgressBarHook"), dict(type="ValLossHook")]
randomness = dict(seed=0)
