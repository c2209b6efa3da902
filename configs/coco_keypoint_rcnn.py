"""Keypoint R-CNN on COCO's images with persons: ResNet-50 of ImageNet, 46 epochs of 16 images, as torchvision's.

torchvision left out images with fewer than ten visible points too. Its weights need no training: --checkpoint
keypointrcnn_resnet50_fpn_coco-fc266e95.pth (65.0 AP of points and 54.6 of boxes, it says).
"""

_base_ = "_base_/keypoint_rcnn.py"

dataset_type = "CocoPersonDataset"
data_root = "data/coco"  # annotations/person_keypoints_*2017.json, train2017 and val2017

train_pipeline = [_base_.load, _base_.flip, _base_.pack_trained]
train_dataloader = dict(dataset=dict(backgrounds=False, pipeline=train_pipeline))  # two a GPU; it had eight
model = dict(weights="imagenet")  # or "coco": what that training gave
