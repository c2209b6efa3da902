"""The same at 128×128 with 64 channels: minutes on two CPU cores."""

_base_ = "cat_hourglass_sample.py"

dataset_type = "CustomKeypointDataset"
data_root = "data/custom"
