"""Gated-skip hourglass on Kaggle's facial keypoints (training.zip, test.zip, IdLookupTable.csv in data_root)."""

_base_ = "_base_/hourglass_small.py"

dataset_type = "KaggleFacialDataset"
data_root = "data/kaggle_faces"
max_epochs = 82  # 20 minutes on one CPU core
box_padding = 1.0  # the box is the whole image
box_augment = dict(shift_factor=0.08, scale_factor=(0.8, 1.25), rotate_factor=30, rotate_prob=0.8)  # upright faces
# ends on faces as they are tested: without this, keypoints are found 1 % too far from the middle of the image
last_epochs = dict(share=0.2, box_augment=dict(shift_factor=0.02, scale_factor=(0.97, 1.03), rotate_prob=0.0))
codec = dict(blur_kernel_size=5)  # for maps with a sigma of 1
# trains on every row, absent keypoints masked; validated and tested on rows with all 15 keypoints
train_dataloader = dict(dataset=dict(subset="all"))
default_hooks = dict(checkpoint=dict(save_best="RMSE", rule="less"))
