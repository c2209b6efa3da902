"""The data part of a recipe for models that find boxes and keypoints of a whole image at once.

A sample is an image with all its instances; their keypoints and categories determine the number of the model's outputs.
Images keep their own size here. A model with one input size adds its affine steps and its codec to the pipelines
(`centernet.py`).
"""

_base_ = "mmpose::_base_/default_runtime.py"

custom_imports = dict(imports=["kpplugins.register"])
dataset_type = "CustomKeypointDataset"
data_mode = "bottomup"  # for MMPoseInferencer
data_root = "data/custom"
keypoints = None  # all of the data
max_epochs = 140

seen = ("id", "img_id", "img_path", "ori_shape", "img_shape", "input_size", "flip_indices")
load = dict(type="LoadCachedImage")
flip = dict(type="RandomFlip", direction="horizontal")
pack_trained = dict(type="PackImageInputs", meta_keys=seen)
pack_tested = dict(type="PackImageInputs", meta_keys=(*seen, "input_center", "input_scale", "raw_ann_info"))
train_pipeline = [load, flip, pack_trained]
val_pipeline = [dict(type="LoadImage"), pack_tested]

dataset = dict(type=dataset_type, data_root=data_root, keypoints=keypoints, data_mode=data_mode)
tested = dict(**dataset, test_mode=True, pipeline=val_pipeline)
num_workers = "auto"  # none beside the network on a CPU with two cores
loader = dict(num_workers=2, persistent_workers=True)
packed = dict(collate_fn=dict(type="packed_collate"))  # not for the test: MMPoseInferencer does not accept a dict
in_order = dict(type="DefaultSampler", shuffle=False, round_up=False)
train_dataloader = dict(
    **loader,
    **packed,
    batch_size=16,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(**dataset, split="train", pipeline=train_pipeline),
)
val_dataloader = dict(**loader, **packed, batch_size=16, sampler=in_order, dataset=dict(**tested, split="val"))
test_dataloader = dict(**loader, batch_size=16, sampler=in_order, dataset=dict(**tested, split="test"))
val_evaluator = dict(type="BoxKeypointMetric")  # AP … of keypoints, box/AP … of boxes
test_evaluator = dict(type="BoxKeypointMetric")

train_cfg = dict(max_epochs=max_epochs, val_interval=5)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=1, save_best="AP", rule="greater"))
custom_hooks = [dict(type="SyncBuffersHook"), dict(type="ProgressBarHook"), dict(type="ValLossHook")]
vis_backends = [dict(type="LocalVisBackend"), dict(type="TensorboardVisBackend")]
visualizer = dict(vis_backends=vis_backends)
randomness = dict(seed=0)
