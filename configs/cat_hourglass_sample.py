"""Gated-skip hourglass on drawn cats, sized for two CPU cores."""

_base_ = "_base_/hourglass_small.py"

dataset_type = "CatDataset"
data_root = "data/cat_sample"
