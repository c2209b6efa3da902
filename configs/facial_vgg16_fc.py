"""Direct regression of Kaggle's facial keypoints: fully connected layers on all VGG-16 features."""

_base_ = "_base_/regression.py"

dataset_type = "KaggleFacialDataset"
data_root = "data/kaggle_faces"
box_padding = 1.0  # the box is the whole image
box_augment = dict(shift_factor=0.08, scale_factor=(0.8, 1.25), rotate_factor=30, rotate_prob=0.8)  # upright faces
# trains on every row, absent keypoints masked; validated and tested on rows with all 15 keypoints
train_dataloader = dict(dataset=dict(subset="all"))
hidden = (1024, 1024)  # 4,096 at VGG's own 224×224, where it flattens 7×7 features; at 96×96 they are 3×3
# also gives sigmas and scores; or plain regression, with 10 and 2 pixels of a face of 256 as fractions:
# loss = dict(type="WingLoss", omega=0.04, epsilon=0.008)
loss = dict(type="RLELoss")

model = dict(
    # batch norm for training from scratch; for ImageNet weights add
    # init_cfg=dict(type="Pretrained", checkpoint="mmcls://vgg16_bn")
    backbone=dict(_delete_=True, type="VGG", depth=16, norm_cfg=dict(type="BN")),
    head=dict(pool=False, hidden_channels=hidden, dropout=0.2, loss=loss),
)
