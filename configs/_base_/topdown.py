"""Any keypoints, top-down, on a top-down COCO config of MMPose: exchange it to exchange the model and its training."""

_base_ = "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hourglass52_8xb32-210e_coco-256x256.py"
custom_imports = dict(imports=["kpplugins.register"])

dataset_type = "CustomKeypointDataset"
data_root = "data/custom"
keypoints = None  # all that the data have
codec = _base_.codec

train_pipeline = [
    dict(type="LoadCachedImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomBoxTransform"),
    dict(type="TopdownAffine", input_size=codec.input_size),
    dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs", meta_keys=("id", "img_path", "flip_indices")),
]
kept = ("id", "img_id", "img_path", "ori_shape", "img_shape", "input_size", "input_center", "input_scale")
val_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="TopdownAffine", input_size=codec.input_size),
    dict(type="PackPoseInputs", meta_keys=(*kept, "flip_indices", "raw_ann_info")),
]

collate_fn = dict(type="packed_collate")  # a batch crosses from worker to trainer in one piece
shared = dict(_delete_=True, type=dataset_type, data_root=data_root, keypoints=keypoints)
train_dataloader = dict(collate_fn=collate_fn, dataset=dict(**shared, split="train", pipeline=train_pipeline))
val_dataloader = dict(
    collate_fn=collate_fn, dataset=dict(**shared, split="val", test_mode=True, pipeline=val_pipeline)
)
test_dataloader = dict(
    collate_fn=collate_fn, dataset=dict(**shared, split="test", test_mode=True, pipeline=val_pipeline)
)
val_evaluator = dict(_delete_=True, type="KeypointMetric")
test_evaluator = val_evaluator

model = dict(
    data_preprocessor=dict(type="TopdownDataPreprocessor"),  # the base's values, for crops of one size
    head=dict(out_channels=None),  # taken from the dataset's schema
)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=1, save_best="AP", rule="greater"))
custom_hooks = [dict(type="SyncBuffersHook"), dict(type="ProgressBarHook")]
randomness = dict(seed=0)
