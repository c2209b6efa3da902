"""The data half of a recipe for any keypoints: own files, no COCO evaluator, the head sized by the data.

It shares no name with MMPose's top-down COCO configs, so that a config can stand on one of those and on this, as
`_base_ = [mmpose file, custom_data.py]`, and put all of `custom` over what MMPose says: `globals().update(custom)`.
`load_config` writes the codec of MMPose's file into the pipelines.
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

custom = dict(
    custom_imports=dict(imports=["kpplugins.register"]),
    dataset_type="CustomKeypointDataset",
    data_mode="topdown",  # for MMPoseInferencer
    data_root="data/custom",
    train_dataloader=dict(
        **custom_packed, dataset=dict(**custom_dataset, split="train", pipeline=custom_train_pipeline)
    ),
    val_dataloader=dict(**custom_packed, dataset=dict(**custom_tested, split="val")),
    test_dataloader=dict(**custom_loader, dataset=dict(**custom_tested, split="test")),
    val_evaluator=dict(_delete_=True, type="KeypointMetric"),
    test_evaluator=dict(_delete_=True, type="KeypointMetric"),
    model=dict(data_preprocessor=dict(type="TopdownDataPreprocessor"), head=dict(out_channels=None)),
    default_hooks=dict(checkpoint=dict(interval=1, max_keep_ckpts=1, save_best="AP", rule="greater")),
    custom_hooks=[dict(type="SyncBuffersHook"), dict(type="ProgressBarHook")],
    randomness=dict(seed=0),
)
