"""Keypoint R-CNN on COCO's persons, as torchvision trained it: ResNet-50 of ImageNet, 46 epochs of 16 pictures."""

_base_ = "_base_/keypoint_rcnn.py"

dataset_type = "CocoPersonDataset"
data_root = "data/coco"  # annotations/person_keypoints_*2017.json, train2017 and val2017

train_pipeline = [_base_.load, _base_.flip, _base_.pack_trained]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))  # two a GPU; it had eight
model = dict(weights="imagenet")  # or "coco": what that training gave, 65.0 AP of points and 54.6 of boxes
