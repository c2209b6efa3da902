"""Gated-skip hourglass on CAT, nine points (or any of them, by `keypoints`)."""

_base_ = "_base_/hourglass.py"

dataset_type = "CatDataset"
data_root = "data/cat"
keypoints = None  # all nine; the seed recipe: ['left_eye', 'right_eye', 'mouth']
