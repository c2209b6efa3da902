"""Coordinates from fully connected layers on pooled ResNet-18 features at 96×96."""

_base_ = "topdown.py"

max_epochs = 100
amp = "auto"  # bfloat16: 1.8 times as fast on a CPU that supports it
lr = 1e-3
# both sizes are multiples of the backbone's stride, 32
codec = dict(_delete_=True, type="RegressionLabel", input_size=(96, 96))

model = dict(
    backbone=dict(_delete_=True, type="ResNet", depth=18),  # from scratch: nothing is downloaded
    head=dict(_delete_=True, type="DirectFCHead", in_channels=512, out_channels=None, decoder=codec),
    # the codec divides by w, so x becomes 1 - 1/w - x in the mirrored image
    test_cfg=dict(_delete_=True, flip_test=True, shift_coords=True),
)
train_cfg = dict(max_epochs=max_epochs, val_interval=4)
train_dataloader = dict(batch_size=32)
optim_wrapper = dict(optimizer=dict(_delete_=True, type="AdamW", lr=lr, weight_decay=1e-2, fused=True))
param_scheduler = dict(
    _delete_=True,
    type="OneCycleLR",
    eta_max=lr,
    total_steps=max_epochs,
    by_epoch=True,
    convert_to_iter_based=True,
    pct_start=0.2,
)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(save_best="RMSE", rule="less"))
