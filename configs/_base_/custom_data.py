"""The data part of a top-down recipe for any keypoints: dataset, pipelines that decode each image once, metric.

It shares no name with MMPose's top-down COCO configs, so a config can inherit one of those and this one. It then
assigns these values to MMPose's names, as `topdown.py` does; `load_config` fills in the codec of the MMPose config in
the pipelines, and the number of keypoints in the head.
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
num_workers = "auto"  # none beside the network on a CPU with two cores
custom_loader = dict(batch_size=32, num_workers=2)
# not in the test loader: MMPoseInferencer does not accept a dict there
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
custom_run_hooks = [dict(type="SyncBuffersHook"), dict(type="ProgressBarHook"), dict(type="ValLossHook")]
custom_visualizer = dict(vis_backends=[dict(type="LocalVisBackend"), dict(type="TensorboardVisBackend")])
custom_randomness = dict(seed=0)
