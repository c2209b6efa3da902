"""Gated-skip hourglass on any keypoints: --data DIR with the output of `kpplugins dataset convert`, or data_root."""

_base_ = "_base_/hourglass.py"

data_root = "data/custom"
