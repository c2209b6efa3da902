"""The CAT recipe: eyes and mouth as blurred circles. 128×128 cropped ±20 px around the keypoints, 64×64 in and out."""

_base_ = "_base_/topdown.py"

dataset_type = "CatDataset"  # splits 60:20:20 in sorted order
data_root = "data/cat"
keypoints = ["left_eye", "right_eye", "mouth"]
size = dict(input_size=(64, 64), heatmap_size=(64, 64))
codec = dict(_delete_=True, type="CircleHeatmap", **size)  # or decode="mean", threshold=0.3
# or one of these lines for Gaussian labels; with unbiased=True the first is DARK:
# codec = dict(_delete_=True, type="MSRAHeatmap", sigma=2, **size)
# codec = dict(_delete_=True, type="UDPHeatmap", sigma=2, **size)
max_epochs = 40
# test images are also cropped around the true keypoints, as in the recipe; around="box" uses the boxes
cut = dict(type="CropAroundKeypoints", input_size=codec["input_size"], use_udp=codec["type"] == "UDPHeatmap")
train_steps = [dict(type="LoadCachedImage"), cut, dict(type="GenerateTarget", encoder=codec)]
train_dataloader = dict(dataset=dict(pipeline=[*train_steps, _base_.custom_train_pipeline[-1]]))
val_steps = [dict(type="LoadImage"), cut, _base_.custom_val_pipeline[-1]]
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=val_steps))

head = dict(type="HeatmapHead", in_channels=16, out_channels=None, deconv_out_channels=None, decoder=codec)
model = dict(
    data_preprocessor=dict(mean=[0, 0, 0], std=[255, 255, 255]),
    backbone=dict(_delete_=True, type="EncoderDecoder", channels=head["in_channels"]),
    head=dict(_delete_=True, **head),
    test_cfg=dict(flip_test=False, shift_heatmap=None),  # None: no shift, as input and heatmaps have one size
)
train_cfg = dict(max_epochs=max_epochs, val_interval=4)
optim_wrapper = dict(optimizer=dict(_delete_=True, type="AdamW", lr=2e-3, weight_decay=1e-2, fused=True))
param_scheduler = dict(_delete_=True, type="CosineAnnealingLR", T_max=max_epochs, convert_to_iter_based=True)
