"""`custom_data.py` for RTMPose, with its stronger augmentation during the whole training.

Two things of MMPose's are left out: `Blur` and `MedianBlur` (p=0.1 each), and the hook that weakens the augmentation in
the last 30 of 420 epochs. `RandomCutout` replaces `CoarseDropout`.
"""

_base_ = "custom_data.py"

custom_train_pipeline = list(_base_.custom_train_pipeline)
custom_train_pipeline[3] = dict(type="RandomBoxTransform", scale_factor=[0.6, 1.4], rotate_factor=80)
custom_train_pipeline.insert(5, dict(type="mmdet.YOLOXHSVRandomAug"))
custom_train_pipeline.insert(6, dict(type="RandomCutout", prob=1.0, num_holes=(1, 1), size=(0.2, 0.4)))

custom_lr = 7e-4  # MMPose's 4e-3 for batches of 1024, times the root of 32 / 1024, as suits AdamW
custom_epochs = 420

custom_train_dataloader = dict(dataset=dict(pipeline=custom_train_pipeline))
# instead of SyncBN, which has no CPU version; 32 samples per process need no syncing
custom_model = dict(backbone=dict(norm_cfg=dict(type="BN")))
custom_optim_wrapper = dict(optimizer=dict(lr=custom_lr))
custom_param_scheduler = [  # as MMPose's, with a shorter warm-up: its 1000 iterations are 40 epochs of 800 images
    dict(type="LinearLR", start_factor=1e-5, by_epoch=False, begin=0, end=200),
    dict(
        type="CosineAnnealingLR",
        eta_min=custom_lr * 0.05,
        begin=custom_epochs // 2,
        end=custom_epochs,
        T_max=custom_epochs // 2,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
