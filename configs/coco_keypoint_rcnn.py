"""Keypoint R-CNN on COCO's images with persons: ResNet-50 from ImageNet, 46 epochs, batches of 16, as torchvision's.

Unlike this config, torchvision also left out images with fewer than ten visible keypoints. Its weights need no
training: --checkpoint keypointrcnn_resnet50_fpn_coco-fc266e95.pth (65.0 AP of keypoints and 54.6 of boxes, it says).
"""

_base_ = "_base_/keypoint_rcnn.py"

dataset_type = "CocoPersonDataset"
data_root = "data/coco"  # annotations/person_keypoints_*2017.json, train2017 and val2017

train_pipeline = [_base_.load, _base_.flip, _base_.pack_trained]
train_dataloader = dict(dataset=dict(backgrounds=False, pipeline=train_pipeline))  # 2 per GPU, torchvision had 8
model = dict(weights="imagenet")  # or "coco": the result of torchvision's training
