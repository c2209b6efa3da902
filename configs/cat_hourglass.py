"""Gated-skip hourglass on CAT: nine keypoints, or some of them by `keypoints`."""

_base_ = "_base_/hourglass.py"

dataset_type = "CatDataset"
data_root = "data/cat"
keypoints = None  # all nine; the CAT recipe uses ['left_eye', 'right_eye', 'mouth']
