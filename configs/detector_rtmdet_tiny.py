"""Boxes for a top-down model: MMDetection's RTMDet-tiny at 320×320, on the data of keypoint models.

It starts from MMDetection's ImageNet weights where these can be reached, and from nothing with `--from-scratch`.
"""

_base_ = "_base_/rtmdet.py"

data_root = "data/custom"
