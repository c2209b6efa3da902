"""Gated-skip hourglass on any keypoints, at 128×128 with 64 channels: minutes on two CPU cores."""

_base_ = "_base_/hourglass_small.py"

data_root = "data/custom"
