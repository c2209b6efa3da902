"""Boxes for a top-down model: MMDetection's RTMDet-tiny at 320×320, trained on the data of the keypoint models.

It starts from MMDetection's ImageNet weights, or from scratch with `--from-scratch`.
"""

_base_ = "_base_/rtmdet.py"

data_root = "data/custom"
