"""CenterNet on any boxes and keypoints: --data DIR with the output of `kpplugins dataset convert`, or data_root."""

_base_ = "_base_/centernet.py"

data_root = "data/custom"
