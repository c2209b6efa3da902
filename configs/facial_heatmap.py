"""Gated-skip hourglass on Kaggle's facial keypoints (training.zip, test.zip, IdLookupTable.csv in data_root)."""

_base_ = "_base_/hourglass_small.py"

dataset_type = "KaggleFacialDataset"
data_root = "data/kaggle_faces"
dataset_args = dict(subset="15")  # rows with all 15 points; "all" adds the others, with what they lack masked
