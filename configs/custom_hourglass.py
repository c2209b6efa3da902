"""Gated-skip hourglass on any keypoints: --data DIR of what `kpplugins dataset convert` wrote, or data_root here."""

_base_ = "_base_/hourglass.py"

data_root = "data/custom"
