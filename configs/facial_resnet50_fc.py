"""Direct regression of Kaggle's facial keypoints: one layer on pooled ResNet-50 features."""

_base_ = "_base_/regression.py"

dataset_type = "KaggleFacialDataset"
data_root = "data/kaggle_faces"
box_padding = 1.0  # the box is the whole image
box_augment = dict(shift_factor=0.08, scale_factor=(0.8, 1.25), rotate_factor=30, rotate_prob=0.8)  # upright faces
# trains on every row, absent keypoints masked; validated and tested on rows with all 15 keypoints
train_dataloader = dict(dataset=dict(subset="all"))
depth, channels = 50, 2048  # 101 has as many channels; 18 and 34 have 512
# also gives sigmas and scores; or plain regression, with 10 and 2 pixels of a face of 256 as fractions:
# loss = dict(type="WingLoss", omega=0.04, epsilon=0.008)
loss = dict(type="RLELoss")

# from ImageNet: backbone=dict(depth=depth, init_cfg=dict(type="Pretrained", checkpoint="torchvision://resnet50"))
model = dict(backbone=dict(depth=depth), head=dict(in_channels=channels, loss=loss))
