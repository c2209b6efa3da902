"""The data half of a recipe for any keypoints: own files, metrics for any keypoints, steps that do not decode twice.

It shares no name with MMPose's top-down COCO configs, so that a config can stand on one of those and on this. What it
offers is put over what MMPose says by name, as `topdown.py` does; `load_config` writes the codec of MMPose's file into
the pipelines, and the number of keypoints into the head.
"""

custom_train_pipeline = [
    dict(type="LoadCachedImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomBoxTransform"),
    dict(type="TopdownAffine", input_size=None),
    dict(type="GenerateTarget", encoder=dict()),
    dict(type="PackPoseInputs", meta_keys=("id", "img_path", "flip_indices")),
]
custom_kept = (
    "id",
    "img_id",
    "img_path",
    "ori_shape",
    "img_shape",
    "input_size",
    "input_center",
    "input_scale",
)
custom_val_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="TopdownAffine", input_size=None),
    dict(type="PackPoseInputs", meta_keys=(*custom_kept, "flip_indices", "raw_ann_info")),
]
custom_dataset = dict(_delete_=True, type="CustomKeypointDataset", data_root=None, keypoints=None)
custom_tested = dict(**custom_dataset, test_mode=True, pipeline=custom_val_pipeline)
custom_loader = dict(batch_size=32, num_workers=2)
# not in the test's loader, of which MMPoseInferencer takes no dict
custom_packed = dict(**custom_loader, collate_fn=dict(type="packed_collate"))

custom_registration = dict(imports=["kpplugins.register"])
custom_train_dataloader = dict(
    **custom_packed, dataset=dict(**custom_dataset, split="train", pipeline=custom_train_pipeline)
)
custom_val_dataloader = dict(**custom_packed, dataset=dict(**custom_tested, split="val"))
custom_test_dataloader = dict(**custom_loader, dataset=dict(**custom_tested, split="test"))
custom_evaluator = dict(_delete_=True, type="KeypointMetric")
custom_model = dict(data_preprocessor=dict(type="TopdownDataPreprocessor"))
custom_checkpoint = dict(checkpoint=dict(interval=1, max_keep_ckpts=1, save_best="AP", rule="greater"))
custom_run_hooks = [dict(type="SyncBuffersHook"), dict(type="ProgressBarHook")]
custom_randomness = dict(seed=0)
