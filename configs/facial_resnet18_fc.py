"""Direct regression of Kaggle's facial keypoints: one layer on pooled ResNet-18 features, sized for two CPU cores."""

_base_ = "_base_/regression.py"

dataset_type = "KaggleFacialDataset"
data_root = "data/kaggle_faces"
box_padding = 1.0  # the box is the whole image
box_augment = dict(shift_factor=0.08, scale_factor=(0.8, 1.25), rotate_factor=30, rotate_prob=0.8)  # upright faces
# ends on faces as they are tested, as facial_heatmap does
last_epochs = dict(share=0.2, box_augment=dict(shift_factor=0.02, scale_factor=(0.97, 1.03), rotate_prob=0.0))
# trains on every row, absent keypoints masked; validated and tested on rows with all 15 keypoints
train_dataloader = dict(dataset=dict(subset="all"))
# also gives sigmas and scores; or plain regression, with 10 and 2 pixels of a face of 256 as fractions:
# loss = dict(type="WingLoss", omega=0.04, epsilon=0.008)
loss = dict(type="RLELoss")

# from ImageNet: backbone=dict(init_cfg=dict(type="Pretrained", checkpoint="torchvision://resnet18"))
model = dict(head=dict(loss=loss))
