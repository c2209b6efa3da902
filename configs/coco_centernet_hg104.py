"""CenterNet with keypoints as published: hourglass-104 at 512×512 on COCO's persons.

`tools/convert_weights.py centernet multi_pose_hg_3x.pth DST` brings its authors' weights in; `load_from = "DST"`.
"""

_base_ = "_base_/centernet.py"

dataset_type = "CocoPersonDataset"
data_root = "data/coco"  # annotations/person_keypoints_*2017.json, train2017 and val2017
input_size = (512, 512)
max_epochs = 150  # its 3x schedule; 50 is 1x
num_stacks = 2
channels = 256

picture_augment = dict(degrees=0)
mean, std = [104.0136, 114.0342, 119.9166], [73.6028, 69.8908, 70.9151]  # BGR, what its weights were trained with
model = dict(
    data_preprocessor=dict(mean=mean, std=std, bgr_to_rgb=False),
    backbone=dict(_delete_=True, type="HourglassNet", num_stacks=num_stacks),
    head=dict(in_channels=channels, feat_channels=channels),
)
train_dataloader = dict(batch_size=24)
optim_wrapper = dict(optimizer=dict(_delete_=True, type="Adam", lr=2.5e-4))
milestones = [130 * max_epochs // 150]
param_scheduler = dict(_delete_=True, type="MultiStepLR", milestones=milestones, gamma=0.1, by_epoch=True)
