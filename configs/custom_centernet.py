"""Boxes and keypoints at once, any of both: --data DIR of what `kpplugins dataset convert` wrote, or data_root here."""

_base_ = "_base_/centernet.py"

data_root = "data/custom"
