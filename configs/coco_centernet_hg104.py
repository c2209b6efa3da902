"""CenterNet with keypoints as its authors trained it: hourglass-104 at 512×512 on COCO's images with persons.

`tools/convert_weights.py centernet multi_pose_hg_3x.pth DST` converts their weights; start from them by
`load_from = "DST"`. (They started from weights of their object detector; this config starts from scratch.)
"""

_base_ = "_base_/centernet.py"

amp = False  # as published
dataset_type = "CocoPersonDataset"
data_root = "data/coco"  # annotations/person_keypoints_*2017.json, train2017 and val2017
input_size = (512, 512)
max_epochs = 150  # their 3x schedule, with a step at 130; 1x: 50 and 40
num_stacks = 2
channels = 256

image_augment = dict(degrees=0)
distort = dict(type="PhotometricDistortion")
train_pipeline = [_base_.load, _base_.flip, distort, _base_.random_affine, _base_.target, _base_.pack_trained]
train_dataloader = dict(batch_size=24, dataset=dict(backgrounds=False, pipeline=train_pipeline))
mean, std = [104.0136, 114.0342, 119.9166], [73.6028, 69.8908, 70.9151]  # BGR; those of the published weights
model = dict(
    data_preprocessor=dict(mean=mean, std=std, bgr_to_rgb=False),
    backbone=dict(_delete_=True, type="HourglassNet", num_stacks=num_stacks),
    head=dict(in_channels=channels, feat_channels=channels),
)
optim_wrapper = dict(_delete_=True, optimizer=dict(type="Adam", lr=2.5e-4))
step = dict(type="MultiStepLR", milestones=[130], gamma=0.1, by_epoch=True, begin=0, end=max_epochs)
param_scheduler = dict(_delete_=True, **step)
