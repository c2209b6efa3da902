"""Gated-skip hourglass on any keypoints: --data DIR of what `tools/dataset.py convert` wrote, or data_root here."""

_base_ = "cat_hourglass.py"

dataset_type = "CustomKeypointDataset"
data_root = "data/custom"
