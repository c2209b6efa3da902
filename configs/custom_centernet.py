"""Boxes and keypoints at once, any of both: --data DIR of what `tools/dataset.py convert` wrote, or data_root here."""

_base_ = "_base_/centernet.py"

data_root = "data/custom"
